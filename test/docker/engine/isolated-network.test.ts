import { expect, test } from 'vitest';
import type { NetworkOptions } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { ensureNetwork } from '../../../src/docker/engine/isolated-network.js';
import { keepsApart } from '../../../src/docker/engine/networks.js';
import { fakeEngine } from '../../support/fake-engine.js';

/** An engine without the network. `made`: what is there after a create, whoever made it. */
function engineWith(made: { keepsApart: boolean } | undefined, refusal?: EngineError) {
  const asked: NetworkOptions[] = [];
  const engine = fakeEngine({
    findNetwork: async () => (asked.length === 0 ? undefined : made),
    createNetwork: async (options) => {
      asked.push(options);
      if (refusal !== undefined) throw refusal;
    },
  });
  return { engine, asked };
}

const conflict = new EngineError('make_network', 'refused', 'networks have same bridge name');

test('the isolated network is made once, without a way from one container to another', async () => {
  const { engine, asked } = engineWith({ keepsApart: true });

  expect(await ensureNetwork(engine, 'isolated')).toBe(true);
  expect(await ensureNetwork(engine, 'isolated')).toBe(true);

  expect(asked).toMatchObject([
    { Name: 'stint-isolated', Options: { 'com.docker.network.bridge.enable_icc': 'false' } },
  ]);
});

test('one that another node made at the same moment is used', async () => {
  expect(await ensureNetwork(engineWith({ keepsApart: true }, conflict).engine, 'isolated')).toBe(true);
});

test('one that another node makes is waited for where the engine refuses a second before it lists the first', async () => {
  let looks = 0;
  const engine = fakeEngine({
    findNetwork: async () => (++looks < 4 ? undefined : { keepsApart: true }),
    createNetwork: async () => await Promise.reject(conflict),
  });

  expect(await ensureNetwork(engine, 'isolated')).toBe(true);
});

test('where it cannot be made no job can run', async () => {
  const { engine } = engineWith(undefined, conflict);

  await expect(ensureNetwork(engine, 'isolated', { ms: 20, everyMs: 5 })).rejects.toBe(conflict);
  expect(conflict).toMatchObject({ code: 'engine_unavailable', retryable: true });
});

test('one that lets containers reach each other is not used', async () => {
  await expect(ensureNetwork(engineWith({ keepsApart: false }).engine, 'isolated')).rejects.toMatchObject({
    code: 'engine_unavailable',
    message: expect.stringContaining('"stint-isolated"'),
  });
});

test('other networks are looked up, and never made', async () => {
  const engine = fakeEngine({ hasNetwork: async (name) => name === 'batch' });

  expect(await ensureNetwork(engine, 'batch')).toBe(true);
  expect(await ensureNetwork(engine, 'other')).toBe(false);
});

test('only a bridge that says so, and no network at all, keep containers apart', () => {
  const icc = 'com.docker.network.bridge.enable_icc';

  expect(keepsApart('bridge', { [icc]: 'false' })).toBe(true);
  expect(keepsApart('null', {})).toBe(true);
  expect(keepsApart('bridge', { [icc]: 'true' })).toBe(false);
  expect(keepsApart('bridge', {})).toBe(false);
  expect(keepsApart('macvlan', { [icc]: 'false' })).toBe(false);
});
