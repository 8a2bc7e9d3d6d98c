// The recipe: the steps of one claimed job, in their order.
import { deliverSecrets, prepareContainer } from './container.js';
import { noOutput, runToEnd } from './follow.js';
import { outcomeOfError } from './outcome-of-error.js';
import { newSession, readSpec } from './request.js';
import type { Execution, ExecutorParts, OpenedRequest, Run } from './run.js';

/**
 * Runs one claimed job. Failures are returned as outcomes; it throws only `FencedError`, when the job is no longer
 * ours.
 */
export async function execute(run: Run, parts: ExecutorParts): Promise<Execution> {
  try {
    return await runJob(run, parts);
  } catch (error) {
    return { outcome: outcomeOfError(error, run, parts), output: noOutput };
  }
}

/**
 * Whatever can fail without credentials is done before the session opens. The session opens at its first use: at the
 * earliest to decrypt the payload, at the latest to read the job's secrets. At the end the container is removed first,
 * then the token is revoked, whatever happened.
 */
async function runJob(run: Run, parts: ExecutorParts): Promise<Execution> {
  const request = await run.job.open();
  await using session = newSession(run, request, parts);
  await session?.lookUp();
  const spec = await readSpec(request, { run, session, parts });
  await using container = await prepareContainer(run, { spec, session, parts });
  const secrets = await deliverSecrets(run, { request, spec, session, container });
  const { options } = spec.spec;
  const login = sharesLogin(request) ? undefined : session;
  return await runToEnd(run, { container, secrets, login, options, parts });
}

/** With the other children of its parent, which revokes it at its own end. */
function sharesLogin({ sharesLogin: isFirst, kept }: OpenedRequest): boolean {
  return isFirst === true || kept !== undefined;
}
