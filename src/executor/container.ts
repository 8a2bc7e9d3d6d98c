// Prepares the container of a job and delivers its secrets.
import type { SecretRead } from '../job/audit/secret-read.js';
import { mostReferences } from '../job/check.js';
import { JobFailedError } from '../job/errors.js';
import { failpoint } from '../job/failpoint.js';
import type { JobSpec } from '../job/job.js';
import type { Secret } from '../job/secret.js';
import type { PreparedContainer, RegistryLogin } from './backend.js';
import { identityMissing, type LayeredSpec } from './request.js';
import type { ExecutorParts, OpenedRequest, Run } from './run.js';
import { readRegistryLogin } from './secrets/registry-login.js';
import { renderSecretsFile, secretsPath } from './secrets/secrets-file.js';
import { keptOf } from './secrets/shared-login.js';
import type { SecretSession, SecretValues } from './secrets.js';

/** Undefined for a job without a Vault identity. */
type Session = SecretSession | undefined;

/** Image, container and content: all the steps that do not need the job's secrets. */
export async function prepareContainer(
  run: Run,
  { spec: layered, session, parts }: { spec: LayeredSpec; session: Session; parts: ExecutorParts },
): Promise<PreparedContainer> {
  const { spec } = layered;
  run.stop.check();
  const login = await registryLogin(run, spec, session);
  const env = await environment(spec, session, parts);
  const container = await parts.backend.prepare(
    {
      ...spec,
      env,
      jobId: run.job.id,
      fence: Number(run.job.fence),
      queue: run.job.queue,
      owner: run.job.ownerKey,
      secretsPath: session && secretsPath(spec.secretFileType),
      policy: parts.options.policyFor(run.job),
    },
    run.stop.signal,
    login,
  );
  try {
    await recordPrepared(run, spec, container);
    return container;
  } catch (error) {
    await container[Symbol.asyncDispose]();
    throw error;
  }
}

/** Only a job that asks for it opens its session before its image is there. */
async function registryLogin(run: Run, spec: JobSpec, session: Session): Promise<RegistryLogin | undefined> {
  if (spec.registryRef === undefined) return undefined;
  if (session === undefined) throw identityMissing('a login for its registry');
  const { continueOnWarnings } = spec;
  const onRead = (reads: readonly SecretRead[]) => run.recorder.secretsRead(reads);
  const login = await readRegistryLogin(spec, session, { continueOnWarnings, onRead });
  run.stop.check();
  return login;
}

async function recordPrepared(run: Run, spec: JobSpec, container: PreparedContainer): Promise<void> {
  const { image, tty } = spec;
  const { id: containerId, imageId, imageDigest } = container;
  await run.recorder.prepared({ image, tty, imageId, imageDigest, containerId });
  run.stop.check();
}

/**
 * The server's variables come last, so that a request cannot point its job at another Vault. A job without an identity
 * there gets none of them.
 */
async function environment(
  spec: JobSpec,
  session: Session,
  parts: ExecutorParts,
): Promise<readonly string[]> {
  if (session === undefined) return spec.env;
  const { env, tokenInEnv } = parts.options;
  const token = tokenInEnv ? [`VAULT_TOKEN=${(await session.token()).reveal()}`] : [];
  return [...spec.env, ...env, ...token];
}

interface Delivery {
  readonly request: Pick<OpenedRequest, 'sharesLogin'>;
  readonly spec: LayeredSpec;
  readonly session: Session;
  readonly container: PreparedContainer;
}

/**
 * Reads the references of all layers and delivers the secrets file. Returns every value to be masked. That includes the
 * job's own token even when a reference called `TOKEN` replaced it in the file, because it may be in the environment.
 */
export async function deliverSecrets(
  run: Run,
  { request, spec: layered, session, container }: Delivery,
): Promise<SecretValues> {
  const { spec, secretRefs } = layered;
  const references = secretRefs(container.imageMetadata);
  if (session === undefined) return await deliverNothing(container, references);
  if (references.length > mostReferences) throw tooManyReferences(references.length);
  const values = await session.read(references, {
    continueOnWarnings: spec.continueOnWarnings,
    onRead: (reads) => run.recorder.secretsRead(reads),
  });
  const token = await session.token();
  if (request.sharesLogin === true) await keepLogin(run, session, { token, references, values });
  run.stop.check();
  const inFile = new Map([['TOKEN', token], ...values]);
  await container.deliver(renderSecretsFile(spec.secretFileType, inFile));
  await failpoint('after-deliver');
  return new Map([...inFile, ['the own token', token]]); // This key cannot collide: no variable has spaces in its name.
}

/** Each layer may have as many as a request. */
function tooManyReferences(count: number): JobFailedError {
  return new JobFailedError(
    'secrets_refused',
    'too_many_references',
    `Expected request, payload, content and image to have at most ${mostReferences} secret references together, got ${count}.`,
  );
}

/** In this order: until the login is stored with the parent, this job revokes it. */
async function keepLogin(
  { job }: Run,
  session: SecretSession,
  { token, references, values }: { token: Secret; references: readonly string[]; values: SecretValues },
): Promise<void> {
  const terms = session.terms();
  await job.keepLogin?.(keptOf(token, references, values, terms), terms.renewInMs);
  session.release();
  await failpoint('after-login-kept');
}

/** Of a job without a Vault identity. References may also come from its image or its content. */
async function deliverNothing(
  container: PreparedContainer,
  references: readonly string[],
): Promise<SecretValues> {
  if (references.length > 0) throw identityMissing(`secret references (${references.length})`);
  await container.deliver(undefined);
  return new Map();
}
