import { textOf } from './api.js';
import { ensure, type Workbench } from './steps.js';

/** How the AppRoles are named; their policies and the transit key are named as they are. */
export const roleNames = { job: 'stint-job', server: 'stint-server', client: 'stint-client' } as const;

type RoleName = (typeof roleNames)[keyof typeof roleNames];

/** Batch tokens can neither be renewed nor revoked, so a mount that gives them by default is overruled. */
const always = { bind_secret_id: true, token_type: 'service' };

const roles: Readonly<Record<RoleName, object>> = {
  // Renewed while the job runs, so the first number is how long a token that nobody gives back lives on; the second is
  // longer than the longest run (STINT_MAX_RUN_TIME). Uses are not counted: each renewal would take one of them.
  'stint-job': {
    token_policies: ['stint-job'],
    token_ttl: '20m',
    token_max_ttl: '25h',
    token_num_uses: 0,
    secret_id_num_uses: 1,
    secret_id_ttl: '24h',
  },
  // Renewed as long as the server lives, however long that is.
  'stint-server': { token_policies: ['stint-server'], token_period: '1h' },
  // Logs in anew for each job or each few, as GoStint's client does.
  'stint-client': { token_policies: ['stint-client'], token_ttl: '1h', token_max_ttl: '8h' },
};

/** Makes the AppRoles that are missing; those that are there keep their settings and their RoleIDs. */
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
 * A login of a role, the same in each run. Vault shows a SecretID only once, so it is kept beside the secrets, at a path
 * that only operators may read; one that is no longer good is made anew.
 */
export async function ensureLogin(bench: Workbench, role: RoleName, keptAt: string): Promise<RoleLogin> {
  const roleId = await readRoleId(bench, role);
  const find = async () => {
    const kept = (await bench.api.read(keptAt))?.data as { secret_id?: unknown } | undefined;
    return typeof kept?.secret_id === 'string' ? kept.secret_id : undefined;
  };
  await ensure(bench, {
    name: `SecretID of ${role}, kept at ${keptAt}`,
    isThere: async () => await isGood(bench, role, await find()),
    create: async () => {
      const made = await bench.api.write(`${rolePath(role)}/secret-id`, {});
      await bench.api.write(keptAt, { data: { secret_id: textOf(made, 'secret_id') } });
    },
  });
  return { roleId, secretId: (await find()) ?? '' };
}

/** Looked up, because to log in with it would leave a token. Vault answers nothing about one that it does not know. */
async function isGood(bench: Workbench, role: RoleName, secretId: string | undefined): Promise<boolean> {
  if (secretId === undefined) return false;
  const found = await bench.api.read(`${rolePath(role)}/secret-id/lookup`, { secret_id: secretId });
  return found?.secret_id_accessor !== undefined;
}

function rolePath(role: RoleName): string {
  return `auth/approle/role/${role}`;
}
