// Reads the login that a job has for the registry of its image.
import { JobFailedError } from '../../job/errors.js';
import { isId, parseImageReference, registryOf } from '../../job/image-reference.js';
import type { JobSpec } from '../../job/job.js';
import type { RegistryLogin } from '../backend.js';
import type { ReadOptions, SecretSession, SecretValues } from '../secrets.js';

const keys = ['username', 'password', 'identitytoken', 'registry'] as const;

/**
 * With the job's own token, for this one pull. Opens the session. Throws `JobFailedError` `secrets_refused` where the secret is no
 * login, or is one for another registry than that of the image.
 */
export async function readRegistryLogin(
  { image, registryRef: path = '' }: Pick<JobSpec, 'image' | 'registryRef'>,
  session: SecretSession,
  options: ReadOptions,
): Promise<RegistryLogin> {
  const registry = registryOfImage(image);
  const values = await session.readKeys(path, keys, options);
  refuseOtherRegistry(path, values, registry);
  const [username, password, identityToken] = keys.map((key) => values.get(key));
  if (identityToken === undefined && (username === undefined || password === undefined))
    throw refused(
      'registry_login_incomplete',
      `Expected the secret \`${path}\` of \`registry_ref\` to have the keys \`username\` and \`password\`, or \`identitytoken\`. Write them.`,
    );
  return { registry, username: username?.reveal(), password, identityToken };
}

/** An id is of no registry: the engine would ask one of its own choice. */
function registryOfImage(image: string): string {
  const reference = parseImageReference(image);
  if (reference !== undefined && !isId(reference)) return registryOf(reference);
  throw refused(
    'registry_mismatch',
    'Expected the image to be named by registry and repository, since `registry_ref` is a login for its registry, got an id or no such name. Name it so, or leave `registry_ref` out.',
  );
}

/** Who wrote the secret may say which registry it is for; who names the image must not be able to send it elsewhere. */
function refuseOtherRegistry(path: string, values: SecretValues, ofImage: string): void {
  const written = values.get('registry')?.reveal();
  if (
    written === undefined ||
    registryOf({ registry: written.replace(/^https?:\/\/|\/.*$/g, '') }) === ofImage
  )
    return;
  throw refused(
    'registry_mismatch',
    `The login of \`registry_ref\` is not for the registry "${ofImage}" of the image: its secret \`${path}\` names another one. Name an image there, or another secret.`,
  );
}

function refused(code: string, message: string): JobFailedError {
  return new JobFailedError('secrets_refused', code, message);
}
