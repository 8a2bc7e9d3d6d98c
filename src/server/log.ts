import { pino } from 'pino';
import { factsOfError } from './log-error.js';

/** What a log line tells beside its sentence. */
export type Facts = Readonly<Record<string, unknown>>;

/** Writes one JSON object a line. `error` among the facts is written without what a foreign error might carry. */
export interface Log {
  debug(message: string, facts?: Facts): void;
  info(message: string, facts?: Facts): void;
  warn(message: string, facts?: Facts): void;
  error(message: string, facts?: Facts): void;
  /** A log that adds these facts, a request's or a job's id, to every line. */
  child(facts: Facts): Log;
}

export interface LogOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** Where the lines go; standard output when left out. */
  readonly destination?: { write(line: string): void };
}

export function createLog({ level, destination = process.stdout }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  return wrap(pino(options, destination));
}

type Sink = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error' | 'child'>;

/**
 * Our own face over pino: given an error, pino would write its message and every field of it, request headers included.
 */
function wrap(sink: Sink): Log {
  return {
    debug: (message, facts = {}) => sink.debug(cleanFacts(facts), message),
    info: (message, facts = {}) => sink.info(cleanFacts(facts), message),
    warn: (message, facts = {}) => sink.warn(cleanFacts(facts), message),
    error: (message, facts = {}) => sink.error(cleanFacts(facts), message),
    child: (facts) => wrap(sink.child(cleanFacts(facts))),
  };
}

/** Names whose values nobody may read; the first net is that secrets live in `Secret`, which prints itself hidden. */
const secretName =
  /token|secret(?!_?(?:ref|file|count))|password|passphrase|authorization|cookie|(?:api|seal|private)_?key|credential|payload|ciphertext|^env$/i;
const shown = '[secret]';
/** Deeper than any fact of ours; also ends circles. */
const deepest = 6;

function cleanFacts(facts: Facts): Record<string, unknown> {
  return cleanEntries(facts, 0);
}

function clean(name: string, value: unknown, depth: number): unknown {
  if (secretName.test(name.replaceAll('-', '_')) && !isHarmless(value)) return shown;
  if (value instanceof Error) return factsOfError(value);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (depth >= deepest) return '[too deep]';
  if (Array.isArray(value)) return value.map((entry) => clean('', entry, depth + 1));
  return cleanEntries(value, depth + 1);
}

/** Numbers and switches under such a name are counts and answers: `tokenInEnv: false`, `tokenUses: 3`. */
function isHarmless(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null;
}

function cleanEntries(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name === 'msg' ? 'text' : name, clean(name, part, depth)]),
  );
}
