// Sorts errors into refusals, failures and bugs, before a door answers them in its own format.

import { type BreakdownCode, BrokenError, type RefusalCode, RefusedError } from '../../job/errors.js';

/** What went wrong with a request; each door has its own format for it. */
export type Fault =
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  | { readonly kind: 'broken'; readonly code: BreakdownCode; readonly message: string }
  /** An unexpected error: its text may appear only in the server's log. */
  | { readonly kind: 'bug' };

/** Classifies an error. Only our own texts are copied into the fault. */
export function faultOf(error: unknown): Fault {
  if (error instanceof RefusedError) return { kind: 'refused', code: error.code, message: error.message };
  if (isBadText(error)) return { kind: 'refused', code: 'invalid_request', message: badText };
  if (error instanceof BrokenError) return { kind: 'broken', code: error.code, message: error.message };
  return { kind: 'bug' };
}

const badText = 'Expected texts without NUL characters, got one.';
/** Postgres takes no text with a NUL in it. Where a caller's got so far, it is the request that is wrong. */
const badTextStates: readonly unknown[] = ['22021', '22P05'];

/** A library may have wrapped the driver's error once more. */
function isBadText(error: unknown): boolean {
  const cause =
    error instanceof BrokenError
      ? (error.cause as { code?: unknown; cause?: { code?: unknown } })
      : undefined;
  return badTextStates.includes(cause?.code) || badTextStates.includes(cause?.cause?.code);
}
