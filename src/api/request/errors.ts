import { type BreakdownCode, BrokenError, type RefusalCode, RefusedError } from '../../job/errors.js';

/** What went wrong with a request, in the model's words; each door has a form of its own for it. */
export type Fault =
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly message: string }
  | { readonly kind: 'broken'; readonly code: BreakdownCode; readonly message: string }
  /** Nobody foresaw it: no word of it may leave the server, except into its log. */
  | { readonly kind: 'bug' };

/** Sorts an error. Only texts of our own make it into the fault. */
export function faultOf(error: unknown): Fault {
  if (error instanceof RefusedError) return { kind: 'refused', code: error.code, message: error.message };
  if (error instanceof BrokenError) return { kind: 'broken', code: error.code, message: error.message };
  return { kind: 'bug' };
}
