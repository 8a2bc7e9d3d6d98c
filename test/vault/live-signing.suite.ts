import { expect, test } from 'vitest';
import { headText, isSignedBy } from '../../src/job/audit/head.js';
import { sealed } from './fault-proxy.js';
import type { LiveBench, LiveBenchOptions } from './live-bench.js';

type Start = (more?: LiveBenchOptions) => Promise<{ bench: LiveBench }>;

/** The server's own login, where it signs heads of the history. */
export function serverSigningRules(start: Start): void {
  test('A6: signs a head with its transit key', async () => {
    const { bench } = await start({ server: { rights: ['sign', 'show'] } });
    const transit = { mount: bench.names.transit, key: 'audit' };
    await bench.admin.call('POST', `${transit.mount}/keys/audit`, { body: { type: 'ed25519' } });
    await bench.admin.call('POST', `${transit.mount}/keys/audit/rotate`, { body: {} });
    const head = { installation: 'a', number: '1', head: 'b', takenAt: 'now' };

    const signed = await serverOf(bench).sign(transit, headText(head));

    expect(signed).toMatchObject({ key: 'audit', keyVersion: 2 });
    expect(isSignedBy(signed.publicKey, { ...head, ...signed })).toBe(true);
  });

  test.each([
    [[], 'ed25519'],
    [['sign', 'show'], 'aes256-gcm96'],
    [['sign', 'show'], 'no key'],
  ] as const)('with the rights %j and %s says what its signatures need', async (rights, type) => {
    const { bench } = await start({ server: { rights } });
    const transit = { mount: bench.names.transit, key: 'audit' };
    if (type !== 'no key') await bench.admin.call('POST', `${transit.mount}/keys/audit`, { body: { type } });

    await expect(serverOf(bench).sign(transit, 'text')).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining(`path "${transit.mount}/sign/audit" { capabilities = ["update"] }`),
    });
  });

  test('signs nothing while Vault is sealed, and says so', async () => {
    const { bench } = await start({ server: { rights: ['sign', 'show'] } });
    bench.proxy.spoil(/login/, sealed);

    const signing = serverOf(bench).sign({ mount: bench.names.transit, key: 'audit' }, 'text');

    await expect(signing).rejects.toMatchObject({ name: 'BrokenError', retryable: true });
  });
}

function serverOf(bench: LiveBench) {
  const { server } = bench.secrets;
  if (server === undefined) throw new Error('Expected a bench with a server role.');
  return server;
}
