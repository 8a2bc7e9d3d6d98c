// Creates the AppRoles of server, jobs and clients, and their logins.

import { textOf } from './api.js';
import { ensure, type Workbench } from './steps.js';

/** Names of the AppRoles. Their policies have the same names; the transit key has the name of the job's role. */
export const roleNames = { job: 'stint-job', server: 'stint-server', client: 'stint-client' } as const;

type RoleName = (typeof roleNames)[keyof typeof roleNames];

/** Batch tokens can neither be renewed nor revoked, so the token type is set even if the mount has another default. */
const always = { bind_secret_id: true, token_type: 'service' };

const roles: Readonly<Record<RoleName, object>> = {
  // The token is renewed while the job runs, so `token_ttl` is how long a token that was not revoked stays valid.
  // `token_max_ttl` is longer than the longest run (STINT_MAX_RUN_TIME). Uses are not limited: each renewal costs one.
  'stint-job': {
    token_policies: ['stint-job'],
    token_ttl: '20m',
    token_max_ttl: '25h',
    token_num_uses: 0,
    secret_id_num_uses: 1,
    secret_id_ttl: '24h',
  },
  // Periodic, so it can be renewed without limit while the server runs.
  'stint-server': { token_policies: ['stint-server'], token_period: '1h' },
  // Clients log in again for every job or every few jobs, as GoStint's client does.
  'stint-client': { token_policies: ['stint-client'], token_ttl: '1h', token_max_ttl: '8h' },
};

/** Creates the AppRoles that are missing; existing ones keep their settings and their RoleIDs. */
export async function ensureRoles(bench: Workbench): Promise<void> {
  for (const name of Object.values(roleNames)) {
    const path = rolePath(name);
    await ensure(bench, {
      name: `AppRole ${name}`,
      isThere: async () => (await bench.api.read(path)) !== undefined,
      create: () => bench.api.write(path, { ...always, ...roles[name] }),
    });
  }
}

export async function readRoleId(bench: Workbench, role: RoleName): Promise<string> {
  return textOf(await bench.api.read(`${rolePath(role)}/role-id`), 'role_id');
}

export interface RoleLogin {
  readonly roleId: string;
  readonly secretId: string;
}

/**
 * A login of a role, the same in each run. Vault shows a SecretID only once, so it is stored as a secret, at a path
 * that only operators may read. One that is no longer valid is replaced.
 */
export async function ensureLogin(bench: Workbench, role: RoleName, keptAt: string): Promise<RoleLogin> {
  const roleId = await readRoleId(bench, role);
  const find = async () => {
    const kept = (await bench.api.read(keptAt))?.data as { secret_id?: unknown } | undefined;
    return typeof kept?.secret_id === 'string' ? kept.secret_id : undefined;
  };
  await ensure(bench, {
    name: `SecretID of ${role}, kept at ${keptAt}`,
    isThere: async () => await isValid(bench, role, await find()),
    create: async () => {
      const made = await bench.api.write(`${rolePath(role)}/secret-id`, {});
      await bench.api.write(keptAt, { data: { secret_id: textOf(made, 'secret_id') } });
    },
  });
  return { roleId, secretId: (await find()) ?? '' };
}

/** Uses a look-up, because a login would leave a token behind. Vault answers nothing for an unknown SecretID. */
async function isValid(bench: Workbench, role: RoleName, secretId: string | undefined): Promise<boolean> {
  if (secretId === undefined) return false;
  const found = await bench.api.read(`${rolePath(role)}/secret-id/lookup`, { secret_id: secretId });
  return found?.secret_id_accessor !== undefined;
}

function rolePath(role: RoleName): string {
  return `auth/approle/role/${role}`;
}
