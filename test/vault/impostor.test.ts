import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config/config.js';
import { Secret } from '../../src/job/secret.js';
import { vaultAddress, vaultOptions } from '../../src/server/options.js';
import { connectVault } from '../../src/vault/client/client.js';
import { createVaultSecrets } from '../../src/vault/secrets.js';
import { createIdentifyCaller } from '../../src/vault/server-login/caller.js';
import { makeAuthority } from '../support/certificate.js';

const canary = 'hvs.CANARY-4711';
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

async function listen(server: Server): Promise<number> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** What an operator sets, beside `more`. */
function settingsFor(address: string, more: Record<string, string> = {}) {
  const env = {
    VAULT_ADDR: address,
    STINT_DATABASE_URL: 'postgres://127.0.0.1:9/none',
    STINT_APPROLE_ID: 'role-id',
    STINT_APPROLE_NAME: 'job',
    STINT_SERVER_ROLE_ID: canary,
    STINT_SERVER_SECRET_ID: canary,
    STINT_VAULT_TIMEOUT: '2s',
    ...more,
  };
  return readConfig(env).vault;
}

const warned: string[] = [];
const log = {
  ...Object.fromEntries(['debug', 'info', 'error'].map((level) => [level, () => undefined])),
  warn: (message: string) => void warned.push(message),
} as unknown as Parameters<typeof vaultOptions>[1];

const nothing = async () => undefined;

/** Everything that stint sends to Vault with a credential in it; each answer is a failure. */
async function askForAll(vault: ReturnType<typeof settingsFor>): Promise<unknown[]> {
  const options = { ...vaultOptions(vault, log), retryForMs: 0 };
  const connection = connectVault(options);
  const secrets = createVaultSecrets(options, connection);
  const token = new Secret(canary);
  const known = { expiresAt: Date.now() + 60_000, ttlMs: 60_000 };
  const session = secrets.session(
    token,
    { beforeSpending: nothing, onToken: nothing, onRevoked: nothing },
    known,
  );
  const adopted = secrets.adopt({ token, accessor: canary }, { onRevoked: nothing });
  const asked = await Promise.allSettled([
    createIdentifyCaller(connection)(canary),
    secrets.readCubbyhole({ token, path: 'cubbyhole/job' }),
    secrets.lookUpWrappingToken(token),
    session.token(),
    secrets.server?.revokeByAccessor(canary),
    secrets.renew({ token, accessor: canary, leases: [canary] }),
    adopted[Symbol.asyncDispose](),
  ]);
  await secrets[Symbol.asyncDispose]();
  connection[Symbol.dispose]();
  return asked.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []));
}

describe('V9: an impostor', () => {
  test.each([301, 302, 303, 307, 308])(
    'that redirects (%i) brings no request of any kind to another address',
    async (status) => {
      let connections = 0;
      const thief = createServer((_, response) => response.end('{}'));
      thief.on('connection', () => connections++);
      const location = `http://127.0.0.1:${await listen(thief)}/v1/x`;
      const asked = new Set<string>();
      const redirect: RequestListener = (request, response) => {
        asked.add(request.url ?? '');
        response.writeHead(status, { location }).end();
      };
      const address = `http://127.0.0.1:${await listen(createServer(redirect))}`;

      const failures = await askForAll(settingsFor(address));

      expect(failures.length).toBeGreaterThanOrEqual(4);
      expect([...asked]).toEqual(
        expect.arrayContaining([
          '/v1/auth/token/lookup-self',
          '/v1/cubbyhole/job',
          '/v1/sys/wrapping/lookup',
          '/v1/auth/approle/login',
          '/v1/auth/token/renew-self',
        ]),
      );
      expect(connections).toBe(0);
      expect(String(failures)).not.toContain('CANARY');
    },
  );

  test.each(['false', '0'])(
    'with a certificate of its own hears nothing when VAULT_SKIP_VERIFY is %s',
    async (text) => {
      const { certPem: cert, keyPem: key } = makeAuthority('impostor').issue(1);
      const heard: string[] = [];
      const server = createTlsServer({ cert, key }, (request, response) => {
        heard.push(request.url ?? '');
        response.end('{}');
      });
      const address = `https://127.0.0.1:${await listen(server)}`;

      const failures = await askForAll(settingsFor(address, { VAULT_SKIP_VERIFY: text }));

      expect(failures.length).toBeGreaterThanOrEqual(4);
      expect(heard).toEqual([]);
      await askForAll(settingsFor(address, { VAULT_SKIP_VERIFY: 'true' }));
      expect(heard).not.toEqual([]);
    },
  );
});

describe('V9: an impostor with a gigabyte', () => {
  test('is cut off at the limit, long before it has sent a gigabyte', async () => {
    const sockets: Socket[] = [];
    const flood = Buffer.alloc(1024 * 1024, ' ');
    const server = createServer((request, response) => {
      sockets.push(request.socket);
      response.on('error', () => undefined);
      const more = (): void => {
        while (!response.destroyed && request.socket.bytesWritten < 2 ** 30) {
          if (!response.write(flood)) return void response.once('drain', more);
        }
      };
      more();
    });
    const address = `http://127.0.0.1:${await listen(server)}`;
    const before = process.memoryUsage().rss;

    const failure = await createIdentifyCaller(connectVault(vaultAddress(settingsFor(address))))(
      canary,
    ).catch((error: unknown) => error);

    expect(failure).toMatchObject({ name: 'BrokenError', code: 'vault_unavailable' });
    expect(Math.max(...sockets.map(({ bytesWritten }) => bytesWritten))).toBeLessThan(64 * 1024 * 1024);
    expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
  });
});

describe('V9: what the operator is told at the start', () => {
  test.each([
    [{ VAULT_SKIP_VERIFY: 'true' }, 'https://vault.example:8200', /VAULT_SKIP_VERIFY/],
    [{}, 'http://vault.example:8200', /plain HTTP/],
  ])('%j with %s', (more, address, expected) => {
    warned.length = 0;

    vaultOptions(settingsFor(address, more), log);

    expect(warned).toEqual([expect.stringMatching(expected)]);
  });

  test.each(['https://vault.example:8200', 'http://127.0.0.1:8200', 'http://localhost:8200'])(
    'nothing with %s',
    (address) => {
      warned.length = 0;

      vaultOptions(settingsFor(address), log);

      expect(warned).toEqual([]);
    },
  );
});
