import type { Secret } from '../../src/job/secret.js';
import type { LiveBench } from './live-bench.js';

/** Makes something that is no wrapped SecretID of our role, and wraps it. */
type Forge = (bench: LiveBench) => Promise<Secret>;

const write = (path: (bench: LiveBench) => string, body: object): Forge => {
  return (bench) => bench.admin.wrapped('POST', path(bench), { body });
};

/** Makes what is needed first, then wraps the answer to a read. */
const read = (path: (bench: LiveBench) => string, body: object): Forge => {
  return async (bench) => {
    await bench.admin.call('POST', path(bench), { body });
    return bench.admin.wrapped('GET', path(bench));
  };
};

const ofRole = (role: string): Forge => {
  return async (bench) => {
    const path = `auth/${bench.names.appRole}/role/${role}`;
    await bench.admin.call('POST', path, { body: { token_policies: [bench.names.policy] } });
    return bench.admin.wrapped('POST', `${path}/secret-id`, { body: {} });
  };
};

/** V2: by what they are. Those that wrap are clients, forgers with rights of their own, and operators by mistake. */
export const forgeries: Readonly<Record<string, Forge>> = {
  'a SecretID wrapped again': (bench) => bench.rewrap(),
  'a text of the forger, wrapped by the generic call': write(() => 'sys/wrapping/wrap', { secret_id: 'x' }),
  'a SecretID of another role': ofRole('other'),
  'a SecretID of a role with a longer name': ofRole('job2'),
  'a SecretID of a role whose name ends like ours': ofRole('my-job'),
  'a SecretID that the forger chose for another role': async (bench) => {
    const path = `auth/${bench.names.appRole}/role/job2`;
    await bench.admin.call('POST', path, { body: { token_policies: [bench.names.policy] } });
    const body = { secret_id: 'chosen-by-a-thief' };
    return bench.admin.wrapped('POST', `${path}/custom-secret-id`, { body });
  },
  'a SecretID of another mount': async (bench) => {
    const mount = `${bench.names.appRole}/x`.replaceAll('/', '-');
    await bench.admin.call('POST', `sys/auth/${mount}`, { body: { type: 'approle' } });
    await bench.admin.call('POST', `auth/${mount}/role/job`, { body: {} });
    return bench.admin.wrapped('POST', `auth/${mount}/role/job/secret-id`, { body: {} });
  },
  'the RoleID': (bench) => bench.admin.wrapped('GET', `auth/${bench.names.appRole}/role/job/role-id`),
  'a secret at a path that ends like ours': read(
    (bench) => `${bench.names.kv1}/auth/${bench.names.appRole}/role/job/secret-id`,
    { secret_id: 'x' },
  ),
  'a versioned secret': read((bench) => `${bench.names.kv2}/data/x`, { data: { secret_id: 'x' } }),
  'a cubbyhole': read(() => 'cubbyhole/secret-id', { secret_id: 'x' }),
  'a token': write(() => 'auth/token/create', { policies: ['default'] }),
};
