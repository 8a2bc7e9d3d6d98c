import { failpoint } from '../job/failpoint.js';
import type { JobSpec } from '../job/job.js';
import type { PreparedContainer } from './backend.js';
import { readImageSecretRefs } from './metadata.js';
import type { LayeredSpec } from './request.js';
import type { ExecutorParts, Run } from './run.js';
import type { SecretSession, SecretValues } from './secrets.js';
import { renderSecretsFile, secretsPath } from './secrets-file.js';

/** Image, container, content: all that can fail without the job's secrets. */
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

/** The server's variables come last, so that a job cannot be pointed at another Vault. */
async function environment(spec: JobSpec, session: SecretSession, parts: ExecutorParts): Promise<string[]> {
  const { env, tokenInEnv } = parts.options;
  const token = tokenInEnv ? [`VAULT_TOKEN=${(await session.token()).reveal()}`] : [];
  return [...spec.env, ...env, ...token];
}

/**
 * Reads the references of all layers and puts the file into its place. Returns every value to be masked: the job's own
 * token too where a reference of that name took its place in the file, for it may stand in the environment.
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
  return new Map([...inFile, ['the own token', token]]); // No variable has blanks in its name.
}
