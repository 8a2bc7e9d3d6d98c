// The JSON log: a wrapper of pino that masks secret facts and reduces errors to safe parts.
import { pino } from 'pino';
import { factsOfError } from './log-error.js';

/** The fields of a log line beside its message. */
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
  return wrap(pino(options, { write: (line: string) => destination.write(harmless(line)) }));
}

/** JSON leaves these as they are, and terminals obey them: controls of C1, ends of lines, turns of the writing. */
const obeyed = /[\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** The same JSON. They stand in texts only, so that an escape may take their place. */
function harmless(line: string): string {
  return line.replace(obeyed, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

type Sink = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error' | 'child'>;

/** Cleans the facts before pino sees them: pino would write the message and every field of an error, headers included. */
function wrap(sink: Sink): Log {
  return {
    debug: (message, facts = {}) => sink.debug(cleanFacts(facts), message),
    info: (message, facts = {}) => sink.info(cleanFacts(facts), message),
    warn: (message, facts = {}) => sink.warn(cleanFacts(facts), message),
    error: (message, facts = {}) => sink.error(cleanFacts(facts), message),
    child: (facts) => wrap(sink.child(cleanFacts(facts))),
  };
}

/** Names whose values are masked. A second line of defence: secrets are kept in `Secret`, which masks itself. */
const secretName =
  /token|secret(?!_?(?:ref|file|count))|password|passphrase|authorization|cookie|(?:api|seal|private)_?key|credential|payload|ciphertext|^env$/i;
const masked = '[secret]';
/** Deeper than any of our facts; also ends cycles. */
const maxDepth = 6;

function cleanFacts(facts: Facts): Record<string, unknown> {
  return cleanEntries(facts, 0);
}

function clean(name: string, value: unknown, depth: number): unknown {
  if (secretName.test(name.replaceAll('-', '_')) && !isHarmless(value)) return masked;
  if (value instanceof Error) return factsOfError(value);
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Uint8Array) return `[${value.length} bytes]`;
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return value;
  if (depth >= maxDepth) return '[too deep]';
  if (Array.isArray(value)) return value.map((entry) => clean('', entry, depth + 1));
  return cleanEntries(value, depth + 1);
}

/** Numbers and booleans under such a name are no secrets: `tokenInEnv: false`, `tokenUses: 3`. */
function isHarmless(value: unknown): boolean {
  return typeof value === 'number' || typeof value === 'boolean' || value === undefined || value === null;
}

function cleanEntries(value: object, depth: number): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).map(([name, part]) => [name === 'msg' ? 'text' : name, clean(name, part, depth)]),
  );
}
