import { deliverSecrets, prepareContainer } from './container.js';
import { noOutput, runToEnd } from './follow.js';
import { outcomeOfError } from './outcome-of-error.js';
import { newSession, readSpec } from './request.js';
import type { Execution, ExecutorParts, Run } from './run.js';

/** Runs one claimed job. Every end is an answer; it throws only `FencedError`, when the job is no longer ours. */
export async function execute(run: Run, parts: ExecutorParts): Promise<Execution> {
  try {
    return await runJob(run, parts);
  } catch (error) {
    return { outcome: outcomeOfError(error, run, parts), output: noOutput };
  }
}

/**
 * The recipe. Whatever can fail without credentials is done before the session opens: it opens by itself when the
 * first thing is asked of it, to read an encrypted payload at the earliest, the job's secrets at the latest. On the
 * way out the container is removed first, then the token is revoked, whatever happened.
 */
async function runJob(run: Run, parts: ExecutorParts): Promise<Execution> {
  const request = run.job.open();
  await using session = newSession(run, request, parts);
  await session.lookUp();
  const spec = await readSpec(request, { run, session, parts });
  await using container = await prepareContainer(run, { spec, session, parts });
  const secrets = await deliverSecrets(run, { spec, session, container });
  return await runToEnd(run, { container, secrets, parts });
}
