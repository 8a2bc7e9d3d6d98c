import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Secret } from '../../../src/job/secret.js';
import type { VaultConnection, VaultRequest } from '../../../src/vault/client/client.js';
import { VaultFailure } from '../../../src/vault/client/errors.js';
import { DatabaseLogin, type DatabaseLoginOptions } from '../../../src/vault/server-login/database-login.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A Vault with one role; tests set what it grants and whether it is away. */
class FakeVault {
  readonly asked: string[] = [];
  isAway = false;
  uses = 0;
  leaseSeconds = 60;
  isRenewable = true;
  #logins = 0;

  readonly connection = {
    client: (token?: Secret) => ({
      ask: async <T>(request: VaultRequest, shape: (reply: unknown) => T) =>
        shape(this.#answer(request, token?.reveal())),
    }),
  } as unknown as VaultConnection;

  #answer({ path }: VaultRequest, token = ''): unknown {
    if (this.isAway) throw new VaultFailure('sealed', { status: 503 });
    this.asked.push(`${path} ${token}`.trim());
    if (path.endsWith('/login')) return { auth: this.#auth(`t${++this.#logins}`) };
    if (path.startsWith('auth/token/renew')) return { auth: this.#auth(token) };
    if (path === 'sys/leases/renew') return { lease_duration: this.leaseSeconds, renewable: true };
    if (path === 'database/creds/stint') return this.#credentials(token);
    return {};
  }

  #auth(token: string): object {
    const lasting = { lease_duration: 86_400, renewable: true };
    return { client_token: token, accessor: 'a', num_uses: this.uses, policies: [], ...lasting };
  }

  #credentials(token: string): object {
    const lease = {
      lease_id: `lease ${token}`,
      lease_duration: this.leaseSeconds,
      renewable: this.isRenewable,
    };
    return { ...lease, data: { username: `user ${token}`, password: 'pw-hunter2' } };
  }
}

let vault: FakeVault;
let changed: string[];
let failures: string[];

beforeEach(() => {
  vault = new FakeVault();
  changed = [];
  failures = [];
});

const noteChange: DatabaseLoginOptions['onChange'] = async ({ name }) => {
  changed.push(name);
};
const onFailure: DatabaseLoginOptions['onFailure'] = ({ message }) => {
  failures.push(message);
};

function open(onChange = noteChange): DatabaseLogin {
  const login = {
    method: 'approle',
    mount: 'approle',
    roleId: new Secret('r'),
    readSecretId: async () => 's',
    isWrapped: false,
  } as const;
  return new DatabaseLogin(vault.connection, { login, path: 'database/creds/stint', onChange, onFailure });
}

test('a login is renewed while that extends it, and replaced when it does not', async () => {
  await using login = open();
  expect((await login.open()).name).toBe('user t1');
  await vi.advanceTimersByTimeAsync(200_000);
  expect(changed).toEqual([]);

  vault.leaseSeconds = 5;
  await vi.advanceTimersByTimeAsync(45_000);

  expect(changed[0]).toBe('user t2');
  expect(vault.asked).toContain('auth/token/revoke-self t1');
});

test('one that cannot be renewed, or whose token has few uses, is replaced in time, and nothing is spent on renewals', async () => {
  vault.uses = 3;
  await using login = open();
  await login.open();
  await vi.advanceTimersByTimeAsync(59_000);

  expect(changed).toEqual(['user t2']);
  expect(vault.asked.filter((path) => path.includes('renew'))).toEqual([]);
});

test('the old login is given back only once nobody uses it', async () => {
  let release: (() => void) | undefined;
  vault.isRenewable = false;
  await using login = open(
    () =>
      new Promise<void>((resolve) => {
        release = resolve;
      }),
  );
  await login.open();
  await vi.advanceTimersByTimeAsync(41_000);
  const before = vault.asked.filter((path) => path.includes('revoke'));
  release?.();
  await vi.advanceTimersByTimeAsync(0);

  expect(before).toEqual([]);
  expect(vault.asked).toContain('auth/token/revoke-self t1');
});

test('while Vault is away it is told once and tried again; the login comes when it is back', async () => {
  vault.isRenewable = false;
  await using login = open();
  await login.open();
  vault.isAway = true;
  await vi.advanceTimersByTimeAsync(50_000);
  const told = [...failures];
  vi.useRealTimers();
  vault.isAway = false;
  await vi.waitFor(() => expect(changed).toEqual(['user t2']), { timeout: 10_000 });

  expect(told).toEqual([expect.stringMatching(/another login at Postgres.*sealed/)]);
  expect(failures.join()).not.toContain('hunter2');
});

test('a token of one use is refused, since reading a login would end both', async () => {
  vault.uses = 1;
  await using login = open();

  await expect(login.open()).rejects.toMatchObject({ message: expect.stringContaining('one use only') });
  expect(vault.asked.filter((path) => path.startsWith('database'))).toEqual([]);
});

test('a login that cannot be read leaves no token behind', async () => {
  vault.leaseSeconds = Number.NaN;
  await using login = open();

  await expect(login.open()).rejects.toMatchObject({ name: 'BrokenError' });
  expect(vault.asked.at(-1)).toBe('auth/token/revoke-self t1');
});

test('a refused login is replaced once, however often it is refused, not while it is new, and not after the end', async () => {
  const login = open();
  await login.open();
  login.replace();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(changed).toEqual([]);
  for (let turn = 0; turn < 5; turn++) login.replace();
  await vi.advanceTimersByTimeAsync(0);
  await login[Symbol.asyncDispose]();
  login.replace();
  await vi.advanceTimersByTimeAsync(100_000);

  expect(changed).toEqual(['user t2']);
  expect(vault.asked.filter((path) => path.startsWith('database'))).toHaveLength(2);
  expect(vault.asked.at(-1)).toBe('auth/token/revoke-self t2');
});
