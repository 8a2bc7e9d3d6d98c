// What is read of a request to gaffer's door: who asks, about which job, and the body.

import type { AppParts } from '../parts.js';
import { readFieldsBody } from '../request/body.js';
import { reachOf } from '../request/caller.js';
import type { ApiContext } from '../request/env.js';
import { parseJsonObject } from '../request/json.js';
import type { Methods } from '../request/route.js';
import type { Asker, FullName } from './find.js';
import { refuse } from './template/read-template.js';

/** Registers the methods of a path. */
export type Add = (path: string, methods: Methods) => void;

export function askerOf(c: ApiContext, { queue, processes, access }: AppParts): Asker {
  const caller = c.get('caller');
  return { queue, processes, caller, reach: reachOf(c, access) };
}

/** Of a path that names a session, and a job in it. */
export function nameIn(c: ApiContext): FullName {
  const { session = '', label = '' } = c.req.param() as { session?: string; label?: string };
  return { session, label };
}

/** At the main door the job is found by its id, with its output, also after its end. */
export function tellJob(c: ApiContext, id: string): void {
  c.set('jobId', id);
  c.header('x-stint-job', id);
}

/** Objects down to the environment of a job. */
const namesDepth = 2;

/** Throws `RefusedError` where it is no object of JSON. With `mayBeEmpty` nothing at all is an empty one. */
export async function readObject(
  c: ApiContext,
  { bodyLimitBytes }: AppParts,
  { mayBeEmpty = false } = {},
): Promise<Readonly<Record<string, unknown>>> {
  const body = await readFieldsBody(c, bodyLimitBytes);
  if (mayBeEmpty && body.length === 0) return {};
  const parsed = await parseJsonObject(body, 'the body', { namesDepth, isShort: true });
  if ('object' in parsed) return parsed.object;
  refuse([parsed.problem]);
  return {};
}

const longestWordBytes = 64;

/** A bare word, such as the digit of a state. */
export async function readWord(c: ApiContext, { bodyLimitBytes }: AppParts): Promise<string> {
  const body = await readFieldsBody(c, bodyLimitBytes);
  return body.length > longestWordBytes ? '' : body.toString().trim();
}
