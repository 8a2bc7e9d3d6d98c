// The login that a parent's children share: the first makes it, the others go on with what was kept of it.
import { secretReferencePattern } from '../../job/reference.js';
import type { Secret } from '../../job/secret.js';
import type { LoginTerms, SecretSession, Secrets, SecretValues } from '../secrets.js';

/** What a parent keeps, sealed, until its last child has ended. */
export interface KeptSecrets {
  /** The token of the only login. */
  readonly token: Secret;
  /** Each reference as it was written, and what was read for it. */
  readonly values: readonly (readonly [reference: string, value: Secret])[];
  /** The leases of these secrets. Undefined: each run that uses the login renews it. Otherwise it is renewed while the parent is open. */
  readonly leases?: readonly string[] | undefined;
}

/** What is to be kept of a login whose secrets were just read. */
export function keptOf(
  token: Secret,
  references: readonly string[],
  values: SecretValues,
  { leases, renewInMs }: LoginTerms,
): KeptSecrets {
  const read = references.map((reference) => [reference, values.get(variableOf(reference))] as const);
  const known = read.filter((entry): entry is [string, Secret] => entry[1] !== undefined);
  return { token, values: known, ...(renewInMs !== undefined && { leases }) };
}

/** What was read once is not read again; a reference that is new, of another image, is read with the same token. */
export function sharedSession(kept: KeptSecrets, secrets: Pick<Secrets, 'join'>): SecretSession {
  const login = secrets.join(kept.token, kept.leases === undefined ? 'own' : 'others');
  const known = new Map(kept.values);
  return {
    lookUp: () => login.lookUp(),
    decrypt: (ciphertext) => login.decrypt(ciphertext),
    readKeys: (path, keys, options) => login.readKeys(path, keys, options),
    token: () => login.token(),
    terms: () => login.terms(),
    release: () => login.release(),
    read: async (references, options) => {
      const unknown = references.filter((reference) => !known.has(reference));
      const read = unknown.length === 0 ? new Map<string, Secret>() : await login.read(unknown, options);
      const values = references.map((reference) => {
        const variable = variableOf(reference);
        return [variable, known.get(reference) ?? read.get(variable)] as const;
      });
      return new Map(values.filter((entry): entry is [string, Secret] => entry[1] !== undefined));
    },
    [Symbol.asyncDispose]: () => login[Symbol.asyncDispose](),
  };
}

function variableOf(reference: string): string {
  return secretReferencePattern.exec(reference)?.[1] ?? '';
}
