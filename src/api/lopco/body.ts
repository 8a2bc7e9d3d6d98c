// Reads the JSON bodies of LOPCO's clients.

import type { AppParts } from '../parts.js';
import { readBody } from '../request/body.js';
import type { ApiContext } from '../request/env.js';
import { parseJsonObject } from '../request/json.js';
import { refused } from './errors.js';

/** More than a result or a pipeline needs. A worker's secret is known to be wrong only once its body was read. */
const mostBodyBytes = 128 * 1024;

/** Names of fields may stand once in each object down to here: deep enough for a pipeline's. */
const namesDepth = 8;

/** Throws `RefusedError` for everything but one JSON object. */
export async function readObject(
  c: ApiContext,
  { bodyLimitBytes }: Pick<AppParts, 'bodyLimitBytes'>,
): Promise<Readonly<Record<string, unknown>>> {
  const body = await readBody(c, Math.min(bodyLimitBytes, mostBodyBytes));
  const parsed = await parseJsonObject(body, 'the body', { namesDepth, isShort: true });
  if ('problem' in parsed) throw refused([parsed.problem]);
  return parsed.object;
}

/** With or without a parameter, such as a character set. */
export function isJson(c: ApiContext): boolean {
  return /^application\/json\s*(?:;|$)/i.test(c.req.header('content-type') ?? '');
}
