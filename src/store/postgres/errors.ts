import { BrokenError } from '../../job/errors.js';
import { onConnectionLoss } from './connection-loss.js';

/**
 * Classes of SQLSTATE that waiting may mend: connection lost, no room (disk, memory, connections), stopped by an
 * operator or a time limit, trouble with the disk.
 */
const awayClasses = new Set(['08', '53', '57', '58']);
/** The server lets nobody write: a primary that became a standby. */
const readOnly = '25006';
/** How the driver and Node name a connection that is gone or cannot be made. */
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
  'ETIMEDOUT',
]);
const deadlock = '40P01';
const attempts = 3;
/** Longer than the server lets a statement run. */
const longestStatementMs = 7_000;
/** A statement that a lost connection carried is heard of at once; one that takes so much longer was forgotten. */
const forgottenMs = 1_000;
/** From the error of a connection to its close. */
const closingMs = 50;

/**
 * Runs one statement; a deadlock was rolled back whole, so it is simply repeated. Every other error is translated.
 *
 * postgres.js 3.4.9 hands statements to a connection that has failed but is not closed yet, and forgets them. So whoever
 * hears of a loss hears it a little later, when trying again is safe; after any loss what is still under way is given up
 * soon, though another connection may carry it, since all statements may be repeated; and none is waited for without a
 * limit. What may take longer is given its own.
 */
export async function guarded<T>(statement: () => PromiseLike<T>, limitMs?: number): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await within(limitMs ?? longestStatementMs, statement(), limitMs === undefined);
    } catch (error) {
      if (codeOf(error) === deadlock && attempt < attempts) continue;
      if (isAway(codeOf(error))) await new Promise((resolve) => setTimeout(resolve, closingMs));
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
      loss?.[Symbol.dispose](); // The first one counts: a second must not prolong it.
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

/** The driver's text may hold parameters, so it goes no further than `cause`. */
function translate(error: unknown): BrokenError {
  if (error instanceof BrokenError) return error;
  const code = codeOf(error);
  if (isAway(code)) {
    return new BrokenError(
      'database_unavailable',
      `Could not use Postgres: ${isStandby(code) ? 'it is a standby' : 'it is away or refuses work'} (${code}).`,
      { cause: error },
    );
  }
  return new BrokenError('internal', `Could not carry out a database statement: SQLSTATE ${code}.`, {
    cause: error,
    retryable: false,
  });
}

/** What the driver calls a connection that it gave up as soon as it stood, because the server is no primary. */
function isStandby(code: string): boolean {
  return code === 'CONNECTION_DESTROYED' || code === readOnly;
}

function isAway(code: string): boolean {
  return lostCodes.has(code) || code === readOnly || (code.length === 5 && awayClasses.has(code.slice(0, 2)));
}

/** drizzle hides the SQLSTATE one level down. */
function codeOf(error: unknown): string {
  const seen = error as { code?: unknown; cause?: { code?: unknown } } | undefined;
  const code = seen?.code ?? seen?.cause?.code;
  return typeof code === 'string' ? code : 'unknown';
}
