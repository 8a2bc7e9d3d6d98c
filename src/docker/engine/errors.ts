import { BrokenError } from '../../job/errors.js';
import { type EngineCall, engineCalls } from './calls.js';
import { type EngineFault, faultRules } from './fault-rules.js';

/**
 * What an engine answered instead of doing what it was told. Left alone it is a breakdown of the engine that trying
 * again later may heal; who knows better by `fault` throws something else in its place.
 */
export class EngineError extends BrokenError {
  readonly call: EngineCall;
  readonly fault: EngineFault;
  /** The engine's own words without paths of its host; empty when it said nothing. */
  readonly text: string;

  constructor(call: EngineCall, fault: EngineFault, text: string) {
    super('engine_unavailable', `Could not ${engineCalls[call]}: ${explain(fault, text)}`);
    this.call = call;
    this.fault = fault;
    this.text = text;
  }
}

/** True for an `EngineError` of one of these faults. */
export function isFault(error: unknown, ...faults: readonly EngineFault[]): error is EngineError {
  return error instanceof EngineError && faults.includes(error.fault);
}

/** Turns whatever the client library threw into our words. Nothing of its own text goes on but what the engine said. */
export function toEngineError(call: EngineCall, thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const failure = readFailure(thrown);
  const rule = faultRules.find(
    ({ calls, status, pattern }) =>
      (calls === undefined || calls.includes(call)) &&
      (status === undefined || status.includes(failure.status)) &&
      (pattern === undefined || pattern.test(failure.text)),
  );
  return new EngineError(call, rule?.fault ?? 'broken', scrub(failure.text));
}

/** The engine's text as it may be shown: one short line, without paths of the host or whole ids. */
export function scrub(text: string): string {
  const line = text
    .replace(/\p{Cc}+/gu, ' ')
    .replace(hostPath, '[path]')
    .replace(/\b[0-9a-f]{64}\b/g, (id) => id.slice(0, 12))
    .trim();
  return line.length > longestText ? `${line.slice(0, longestText)}…` : line;
}

const longestText = 300;
/** Three steps deep: short paths such as `/etc/passwd` are the job's own and worth reading. */
const hostPath = /(?<![\w.:])\/(?:[^\s"':,/]+\/){2,}[^\s"':,]*/g;

interface Failure {
  /** HTTP status, or the system's error code where no answer came. */
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
 * Calls that answer with a stream leave `json` empty; the engine's words then stand only behind the library's own:
 * "(HTTP code 404) no such container - Could not find the file /x in container 9535…".
 */
function afterDash(message: string): string {
  const dash = message.indexOf(' - ');
  return dash < 0 ? '' : message.slice(dash + 3).trim();
}

const explanations: Partial<Record<EngineFault, string>> = {
  no_socket: 'its socket does not exist. Start the engine (systemctl start docker), or set DOCKER_HOST.',
  forbidden:
    'this process may not use its socket. Run as root or join the group of the socket, then start again.',
  unreachable: 'the engine does not answer at its address. Check that it runs and that DOCKER_HOST is right.',
  cut: 'the engine cut the line. It may be restarting; its log tells more.',
  timed_out: 'the engine did not answer in time. Look at its log and at the load of its host.',
  disk_full: "the disk of the engine is full. Free some space on the engine's host.",
  network_missing: 'the network for jobs does not exist there. Create it, or change STINT_JOB_NETWORK.',
};

function explain(fault: EngineFault, text: string): string {
  const said = text === '' ? 'the engine failed without a word' : `the engine says "${text}"`;
  return explanations[fault] ?? `${said}. Its log tells more.`;
}
