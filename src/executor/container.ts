// Prepares the container of a job and delivers its secrets.
import { failpoint } from '../job/failpoint.js';
import type { JobSpec } from '../job/job.js';
import type { PreparedContainer } from './backend.js';
import { readImageSecretRefs } from './metadata.js';
import type { LayeredSpec } from './request.js';
import type { ExecutorParts, Run } from './run.js';
import type { SecretSession, SecretValues } from './secrets.js';
import { renderSecretsFile, secretsPath } from './secrets-file.js';

/** Image, container and content: all the steps that do not need the job's secrets. */
export async function prepareContainer(
  run: Run,
  using: { spec: LayeredSpec; session: SecretSession; parts: ExecutorParts },
): Promise<PreparedContainer> {
  const { spec } = using.spec;
  run.stop.check();
  const env = await environment(spec, using.session, using.parts);
  const container = await using.parts.backend.prepare(
    {
      ...spec,
      env,
      jobId: run.job.id,
      fence: Number(run.job.fence),
      queue: run.job.queue,
      secretsPath: secretsPath(spec.secretFileType),
    },
    run.stop.signal,
  );
  try {
    await recordPrepared(run, spec, container);
    return container;
  } catch (error) {
    await container[Symbol.asyncDispose]();
    throw error;
  }
}

async function recordPrepared(run: Run, spec: JobSpec, container: PreparedContainer): Promise<void> {
  const { image, tty } = spec;
  await run.recorder.prepared({ image, tty, imageId: container.imageId, containerId: container.id });
  run.stop.check();
}

/** The server's variables come last, so that a request cannot point its job at another Vault. */
async function environment(spec: JobSpec, session: SecretSession, parts: ExecutorParts): Promise<string[]> {
  const { env, tokenInEnv } = parts.options;
  const token = tokenInEnv ? [`VAULT_TOKEN=${(await session.token()).reveal()}`] : [];
  return [...spec.env, ...env, ...token];
}

/**
 * Reads the references of all layers and delivers the secrets file. Returns every value to be masked. That includes the
 * job's own token even when a reference called `TOKEN` replaced it in the file, because it may be in the environment.
 */
export async function deliverSecrets(
  run: Run,
  using: { spec: LayeredSpec; session: SecretSession; container: PreparedContainer },
): Promise<SecretValues> {
  const { spec, secretRefs } = using.spec;
  const references = secretRefs(readImageSecretRefs(using.container.imageMetadata));
  const values = await using.session.read(references, { continueOnWarnings: spec.continueOnWarnings });
  const token = await using.session.token();
  run.stop.check();
  const inFile = new Map([['TOKEN', token], ...values]);
  await using.container.deliver(renderSecretsFile(spec.secretFileType, inFile));
  await failpoint('after-deliver');
  return new Map([...inFile, ['the own token', token]]); // This key cannot collide: no variable has spaces in its name.
}
