// Reads the paths, queries and bodies of the native routes.

import { checkFields, findControl } from '../../job/check.js';
import { RefusedError } from '../../job/errors.js';
import { parseJobId } from '../../job/id.js';
import type { QueueSettings, ReadChoice } from '../../queue/operations.js';
import { readBody } from '../request/body.js';
import type { ApiContext } from '../request/env.js';
import { parseJsonObject } from '../request/json.js';
import { describe, isWellFormed, joinProblems, quote } from '../request/sentence.js';
import { longestReason, mostWaiting } from './wire.js';

type Fields = Readonly<Record<string, unknown>>;

/** Enough for a reason or some settings. */
const bodyLimitBytes = 16 * 1024;
const largestPage = 1_000;
/** As that of a secret reference. */
const longestPath = 4096;

/**
 * The name of the queue in a path. One `~` in front is dropped: it gives a path to the empty name (`~`), to `.` (`~.`)
 * and `..` (`~..`), which a path cannot hold, and to names that begin with `~` (`~~…`).
 */
export function readQueueName(c: ApiContext): string {
  const written = c.req.param('name') ?? '';
  const name = (written.startsWith('~') ? written.slice(1) : written).toLowerCase();
  const problems = isWellFormed(name)
    ? checkFields({ queue: name })
    : ['Expected well-formed text, got half of a surrogate pair.'];
  if (problems.length > 0) throw refused(problems);
  return name;
}

/** The path of a queue, shown in lists so that clients need not build it. */
export function queuePath(name: string): string {
  const needsMark = name === '' || name === '.' || name === '..' || name.startsWith('~');
  return `/stint/v1/queues/${needsMark ? '~' : ''}${encodeURIComponent(name)}`;
}

export function readJobId(c: ApiContext): string {
  const text = c.req.param('id') ?? '';
  const id = parseJobId(text);
  if (id === undefined) throw refused([`Expected a job id of 24 hex digits, got ${quote(text)}.`]);
  c.set('jobId', id);
  return id;
}

/** Which page of a list is requested. */
export function readPage(c: ApiContext): { after: string | undefined; limit: number } {
  const text = c.req.query('limit') ?? '100';
  const limit = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (limit < 1 || limit > largestPage)
    throw refused([`Expected \`limit\` to be a whole number from 1 to ${largestPage}, got ${quote(text)}.`]);
  const after = c.req.query('after');
  if (after !== undefined) refuseControls('`after`', after);
  return { after, limit };
}

export function readNodeId(c: ApiContext): string {
  const id = c.req.param('id') ?? '';
  refuseControls('the id of the node', id);
  return id;
}

function refuseControls(name: string, text: string): void {
  if (isWellFormed(text) && findControl(text) < 0) return;
  throw refused([`Expected ${name} to be text without control characters, got ${quote(text)}.`]);
}

/** Which secret is asked for, and which page of its reads. Slashes at the ends of the path do not count, as in references. */
export function readSecretChoice(c: ApiContext): ReadChoice {
  const { after, limit } = readPage(c);
  const path = (c.req.query('path') ?? '').split('/').filter(Boolean).join('/');
  const version = c.req.query('version');
  const place = /^(\d{1,18})\.(\d{1,18})$/.exec(after ?? '');
  const problems = [];
  if (path === '' || path.length > longestPath || !isWellFormed(path) || /\p{Cc}/u.test(path))
    problems.push(
      `Expected \`path\` to be the path of a secret in Vault, such as \`kv/data/app\`, got ${quote(path)}.`,
    );
  if (version !== undefined && !/^\d{1,15}$/.test(version))
    problems.push(`Expected \`version\` to be a whole number, got ${quote(version)}.`);
  if (after !== undefined && place === null)
    problems.push(`Expected \`after\` to be the \`next\` of the page before, got ${quote(after)}.`);
  if (problems.length > 0) throw refused(problems);
  const [, placeVersion = '', seq = ''] = place ?? [];
  return {
    path,
    version: version === undefined ? undefined : Number(version),
    after: place === null ? undefined : { version: placeVersion, seq },
    limit,
  };
}

/** The reason for an action: one line for the history. */
export async function readReason(c: ApiContext): Promise<string> {
  const { reason } = await readFields(c, ['reason']);
  if (typeof reason !== 'string' || !isWellFormed(reason))
    throw refused([`Expected \`reason\` to be a text, got ${describe(reason)}.`]);
  const line = reason.trim();
  if (line === '' || line.length > longestReason || findControl(line) >= 0)
    throw refused([
      `Expected \`reason\` to be one line of 1 to ${longestReason} characters, got another text.`,
    ]);
  return line;
}

export async function readSettings(c: ApiContext): Promise<QueueSettings> {
  const { max_waiting: maxWaiting, hold_on_failure: holdOnFailure } = await readFields(c, [
    'max_waiting',
    'hold_on_failure',
  ]);
  const problems = [];
  if (!isLimit(maxWaiting))
    problems.push(
      `Expected \`max_waiting\` to be a whole number from 1 to ${mostWaiting} or \`null\`, got ${describe(maxWaiting)}.`,
    );
  if (!isFlag(holdOnFailure))
    problems.push(
      `Expected \`hold_on_failure\` to be \`true\` or \`false\`, got ${describe(holdOnFailure)}.`,
    );
  if (!isLimit(maxWaiting) || !isFlag(holdOnFailure)) throw refused(problems);
  return { maxWaiting, holdOnFailure };
}

function isLimit(value: unknown): value is number | null | undefined {
  if (value === undefined || value === null) return true;
  return typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= mostWaiting;
}

function isFlag(value: unknown): value is boolean | undefined {
  return value === undefined || typeof value === 'boolean';
}

/** Refuses unknown fields: one may be a misspelt known field, and doing only half of a request is worse than refusing it. */
async function readFields(c: ApiContext, known: readonly string[]): Promise<Fields> {
  const parsed = await parseJsonObject(await readBody(c, bodyLimitBytes), 'the body');
  if ('problem' in parsed) throw refused([parsed.problem]);
  const unknown = Object.keys(parsed.object).filter((name) => !known.includes(name));
  const names = known.map((name) => `\`${name}\``).join(' and ');
  if (unknown.length > 0)
    throw refused(unknown.map((name) => `Expected the body to hold ${names} only, got ${quote(name)} too.`));
  return parsed.object;
}

function refused(problems: readonly string[]): RefusedError {
  return new RefusedError('invalid_request', joinProblems(problems));
}
