// Reads the `Idempotency-Key` header and marks answers that are replays.

import { RefusedError } from '../../job/errors.js';
import type { SubmittedJob } from '../../queue/queue.js';
import type { ApiContext } from './env.js';

const name = 'Idempotency-Key';
/** Visible ASCII only, so a header that was sent twice is refused: its two values are joined with a comma and a blank. */
const shape = /^[!-~]{1,255}$/;

/** The key that lets the client repeat this submit safely; undefined without the header. Throws `RefusedError`. */
export function readIdempotencyKey(c: ApiContext): string | undefined {
  const key = c.req.header(name);
  if (key === undefined || shape.test(key)) return key;
  const got = key.length > 255 ? `${key.length} characters` : key === '' ? 'nothing' : 'something else';
  throw new RefusedError(
    'invalid_request',
    `Expected \`${name}\` to be one key of 1 to 255 visible ASCII characters, got ${got}.`,
  );
}

/** Adds a header when the answer repeats an earlier one. */
export function markReplay(c: ApiContext, { isReplay }: SubmittedJob): void {
  if (isReplay === true) c.header('idempotent-replayed', 'true');
}
