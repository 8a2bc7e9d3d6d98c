// Runs statements with retries and time limits, and translates the driver's errors to `BrokenError`.
import { BrokenError } from '../../job/errors.js';
import { onConnectionLoss, reportLoginRefusal } from './connection-loss.js';

/**
 * Classes of SQLSTATE for which a retry may help: connection lost, login refused (another may come), out of resources (disk,
 * memory, connections), stopped by an operator or a time limit, disk failure.
 */
const retryableClasses = new Set(['08', '28', '53', '57', '58']);
/** The server accepts no writes: a primary that became a standby. */
const readOnly = '25006';
/** Codes of the driver and of Node for a connection that was lost or cannot be made. */
const lostCodes = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOENT',
  'ENOTFOUND',
  'EPIPE',
  'ERR_SOCKET_CLOSED',
  'ERR_STREAM_DESTROYED',
  'ETIMEDOUT',
]);
const deadlock = '40P01';
const attempts = 3;
/** Longer than the server lets a statement run. */
const longestStatementMs = 7_000;
/** After a lost connection its statements fail at once. One that is still unanswered this much later was forgotten. */
const forgottenMs = 1_000;
/** Longest time from the error of a connection to its close. */
const closingMs = 50;

/**
 * Runs one statement. A deadlock was rolled back completely, so the statement is repeated. Any other error is translated.
 *
 * A statement whose connection is lost fails at once. Should the driver forget one all the same, nobody waits for it: a lost
 * connection is reported only after a short delay, when a retry is safe; after any loss the running statements are given up
 * soon, although another connection may carry them, since all statements may be repeated; and no statement is waited for
 * without a limit. A statement that may take longer passes its own `limitMs`.
 */
export async function guarded<T>(statement: () => PromiseLike<T>, limitMs?: number): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await within(limitMs ?? longestStatementMs, statement(), limitMs === undefined);
    } catch (error) {
      if (codeOf(error) === deadlock && attempt < attempts) continue;
      if (isLoginRefusal(codeOf(error))) reportLoginRefusal();
      if (isUnavailable(codeOf(error))) await new Promise((resolve) => setTimeout(resolve, closingMs));
      throw translate(error);
    }
  }
}

async function within<T>(limitMs: number, work: PromiseLike<T>, mayBeForgotten: boolean): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let loss: Disposable | undefined;
  const late = new Promise<never>((_, reject) => {
    const giveUpAfter = (ms: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => reject(forgotten()), ms);
    };
    giveUpAfter(limitMs);
    if (!mayBeForgotten) return;
    loss = onConnectionLoss(() => {
      loss?.[Symbol.dispose](); // Only the first loss counts: a second one must not extend the wait.
      giveUpAfter(forgottenMs);
    });
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
    loss?.[Symbol.dispose]();
  }
}

function forgotten(): BrokenError {
  return new BrokenError('database_unavailable', 'Could not use Postgres: it does not answer.');
}

/** The driver's message may hold parameters, so it is kept in `cause` only. */
function translate(error: unknown): BrokenError {
  if (error instanceof BrokenError) return error;
  const code = codeOf(error);
  if (isUnavailable(code)) {
    return new BrokenError(
      'database_unavailable',
      `Could not use Postgres: ${whyUnavailable(code)} (${code}).`,
      { cause: error },
    );
  }
  return new BrokenError('internal', `Could not carry out a database statement: SQLSTATE ${code}.`, {
    cause: error,
    retryable: false,
  });
}

function whyUnavailable(code: string): string {
  if (isStandby(code)) return 'it is a standby';
  return isLoginRefusal(code) ? 'it refuses the login' : 'it is unavailable or refuses work';
}

function isLoginRefusal(code: string): boolean {
  return /^28...$/.test(code);
}

/** `CONNECTION_DESTROYED`: the driver closed a new connection at once, because the server is no primary. */
function isStandby(code: string): boolean {
  return code === 'CONNECTION_DESTROYED' || code === readOnly;
}

function isUnavailable(code: string): boolean {
  return (
    lostCodes.has(code) || code === readOnly || (code.length === 5 && retryableClasses.has(code.slice(0, 2)))
  );
}

/** drizzle wraps the driver's error, so the SQLSTATE may be in `cause`. */
export function codeOf(error: unknown): string {
  const seen = error as { code?: unknown; cause?: { code?: unknown } } | undefined;
  const code = seen?.code ?? seen?.cause?.code;
  return typeof code === 'string' ? code : 'unknown';
}
