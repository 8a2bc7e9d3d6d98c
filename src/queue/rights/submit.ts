// Who may submit to a queue, where that needs a right; and what a submitter is told of the jobs of others there.

import { RefusedError } from '../../job/errors.js';
import type { JobRequest } from '../../job/job.js';
import { ownOnly, type Reach } from '../../job/owner.js';
import { queuePath } from '../../job/rights/paths.js';
import type { QueueName, Rights } from '../../job/rights/rights.js';
import type { Queue, SubmittedJob } from '../queue.js';

export interface SubmitRule {
  /** False: every caller may submit, and Vault is not asked. */
  readonly submitNeedsRight: boolean;
  readonly rightsPath: string | undefined;
}

export interface Submit {
  readonly request: JobRequest;
  readonly key: string | undefined;
  readonly reach: Reach | undefined;
}

const everyone = { everyone: true } as const;

/** Throws `RefusedError` `forbidden` before anything of the request is spent. */
export async function submitWithRight(
  queue: Queue,
  rule: SubmitRule,
  { request, key, reach }: Submit,
): Promise<SubmittedJob> {
  if (!rule.submitNeedsRight || reach === undefined)
    return queue.submit(request, key, reach && ownOnly(reach));
  const name = request.parent?.childQueue ?? request.queue;
  if (!(await mayDo(['create'], name, reach.rights))) throw mayNotSubmit(name, rule);
  const seesAll = reach.everyone || (await mayDo(['read', 'list'], name, reach.rights)); // By the same answer of Vault.
  return queue.submit(request, key, seesAll ? everyone : ownOnly(reach));
}

async function mayDo(
  needed: Parameters<Rights['inQueues']>[0],
  name: QueueName,
  rights: Rights | undefined,
): Promise<boolean> {
  const granted = await rights?.inQueues(needed, [name]);
  return granted !== undefined && granted.length > 0;
}

function mayNotSubmit(name: QueueName, { rightsPath = '' }: SubmitRule): RefusedError {
  const place = name === null ? 'jobs without a queue' : `jobs to the queue ${JSON.stringify(name)}`;
  return new RefusedError(
    'forbidden',
    `Expected a token that may submit ${place}, got one that may not: its policies must grant \`create\` on ` +
      `"${queuePath(rightsPath, name)}" in Vault.`,
  );
}
