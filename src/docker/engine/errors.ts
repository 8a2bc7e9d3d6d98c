// Turns what the client library throws into `EngineError` with a fault and a safe text.
import { BrokenError } from '../../job/errors.js';
import { type EngineCall, engineCalls } from './calls.js';
import { type EngineFault, faultRules, registryCalls } from './fault-rules.js';

/**
 * A request that the engine did not carry out. By default it is a retryable breakdown of the engine; a caller that
 * knows better from `fault` throws another error instead.
 */
export class EngineError extends BrokenError {
  readonly call: EngineCall;
  readonly fault: EngineFault;
  /** The engine's own message without paths of its host; empty when there was none. */
  readonly text: string;

  constructor(call: EngineCall, fault: EngineFault, text: string) {
    super(
      codeOf(call, fault),
      `Could not ${engineCalls[call]}: ${explain(fault, registryCalls.includes(call) ? '' : text)}`,
    );
    this.call = call;
    this.fault = fault;
    this.text = text;
  }
}

const unavailable: readonly EngineFault[] = [
  'no_socket',
  'forbidden',
  'unreachable',
  'cut',
  'timed_out',
  'disk_full',
  'network_missing',
];
/** Requests about the engine itself, and not about one job. */
const general: readonly EngineCall[] = ['version', 'info', 'network', 'make_network', 'list', 'images'];

/** An answer to the request of one job must not keep the others from running: its image or content may be the cause. */
function codeOf(call: EngineCall, fault: EngineFault): 'engine_unavailable' | 'engine_failed' {
  return unavailable.includes(fault) || general.includes(call) ? 'engine_unavailable' : 'engine_failed';
}

/** True for an `EngineError` of one of these faults. */
export function isFault(error: unknown, ...faults: readonly EngineFault[]): error is EngineError {
  return error instanceof EngineError && faults.includes(error.fault);
}

/**
 * Translates what the client library threw. Of its text only the engine's own message is kept. `image`: its name, which the
 * message may repeat.
 */
export function toEngineError(call: EngineCall, thrown: unknown, image?: string): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const failure = readFailure(thrown);
  const text = registryCalls.includes(call) ? withoutNames(failure.text, image) : failure.text;
  const rule = faultRules.find(
    ({ calls, status, pattern }) =>
      (calls === undefined ? !mayBeOfRegistry(call, failure) : calls.includes(call)) &&
      (status === undefined || status.includes(failure.status)) &&
      (pattern === undefined || pattern.test(text)),
  );
  return new EngineError(call, rule?.fault ?? 'broken', scrub(failure.text));
}

/** Then only the rules for it count: a registry must not be able to say that the engine is broken, or its disk full. */
function mayBeOfRegistry(call: EngineCall, { status }: Failure): boolean {
  return registryCalls.includes(call) && typeof status === 'number';
}

/** The name of an image may have any word in it, also one that would be taken for a reason. Addresses repeat the name. */
function withoutNames(text: string, image = ''): string {
  const repository = image.replace(/@.*$|:[^/:]*$/, '');
  const names = [image, repository].filter((name) => name !== '');
  const rest = text.replace(/\bhttps?:\/\/[^\s"]+/g, '…');
  return names.reduce((left, name) => left.replace(wholeName(name), '…'), rest);
}

function wholeName(name: string): RegExp {
  return new RegExp(`(?<![\\w.-])${name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?![\\w./-])`, 'g');
}

/** Makes the engine's text safe to show: one short line, without paths of the host or whole ids. */
export function scrub(text: string): string {
  const line = text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(hostPath, '[path]')
    .replace(/\b[0-9a-f]{64}\b/g, (id) => id.slice(0, 12))
    .trim();
  return line.length > longestText ? `${line.slice(0, longestText)}…` : line;
}

const longestText = 300;
/** At least three parts: short paths such as `/etc/passwd` are the job's own and useful to show. */
const hostPath = /(?<![\w.:])\/(?:[^\s"':,/]+\/){2,}[^\s"':,]*/g;

interface Failure {
  /** HTTP status, or the error code of the system when there was no answer. */
  readonly status: number | string;
  readonly text: string;
}

interface Thrown {
  readonly statusCode?: unknown;
  readonly code?: unknown;
  readonly json?: { readonly message?: unknown } | null;
  readonly message?: unknown;
}

function readFailure(thrown: unknown): Failure {
  const { statusCode, code, json, message } = (thrown ?? {}) as Thrown;
  if (typeof statusCode !== 'number') return { status: typeof code === 'string' ? code : '', text: '' };
  const text = typeof json?.message === 'string' ? json.message : afterDash(String(message ?? ''));
  return { status: statusCode, text };
}

/**
 * Requests that answer with a stream leave `json` empty; the engine's message then only follows the library's own text:
 * "(HTTP code 404) no such container - Could not find the file /x in container 9535…".
 */
function afterDash(message: string): string {
  const dash = message.indexOf(' - ');
  return dash < 0 ? '' : message.slice(dash + 3).trim();
}

const explanations: Partial<Record<EngineFault, string>> = {
  no_socket: 'its socket does not exist. Start the engine (systemctl start docker), or set DOCKER_HOST.',
  forbidden:
    'this process may not use its socket. An engine that starts opens it to its group a moment later; otherwise join that group, or run as root.',
  unreachable: 'the engine does not answer at its address. Check that it runs and that DOCKER_HOST is right.',
  cut: 'the connection to the engine broke. It may be restarting; see its log.',
  timed_out: 'the engine did not answer in time. Check its log and the load of its host.',
  disk_full: "the disk of the engine is full. Free some space on the engine's host.",
  network_missing: 'the network for jobs does not exist there. Create it, or change STINT_JOB_NETWORK.',
};

function explain(fault: EngineFault, text: string): string {
  const said = text === '' ? 'the engine failed and gave no reason' : `the engine says "${text}"`;
  return explanations[fault] ?? `${said}. See its log.`;
}
