import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectDocker } from '../../../rig/engine/docker.js';
import type { RunningContainer } from '../../../src/executor/backend.js';
import type { ContainerOptions } from '../../../src/job/options/options.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench, runJob } from '../../support/docker-bench.js';
import { addresses, listenedPort, openSurroundings } from './surroundings.js';

const around = await openSurroundings();
const { dockerHost } = around.engine;
const docker = connectDocker(dockerHost);
afterAll(() => around[Symbol.asyncDispose]());

/** Beside what all jobs get. */
async function openBench(network: string): Promise<DockerBench> {
  await using usual = await openDockerBench(dockerHost);
  return await openDockerBench(dockerHost, { job: { ...usual.options.job, network } });
}

/** A job of another owner, which listens until it is removed, and its address. */
async function startNeighbor({ backend }: DockerBench, options: ContainerOptions = {}) {
  const script =
    'ip route | grep default | cut -d " " -f 3; hostname -i; while :; do echo here | nc -l -p 7777; done';
  const request = containerRequest({ jobId: randomUUID(), fence: 1, command: ['sh', '-c', script], options });
  const container = await backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: x\n'));
  const running = await container.start();
  const [gateway = '', address = ''] = await firstLines(running);
  return { running, gateway, address, [Symbol.asyncDispose]: () => container[Symbol.asyncDispose]() };
}

async function firstLines({ output }: RunningContainer): Promise<string[]> {
  let printed = '';
  for await (const { bytes } of output) {
    printed += Buffer.from(bytes).toString();
    if (printed.split('\n').length > 2) break;
  }
  return printed.split('\n');
}

/** What a job reaches, by connecting to everything that listens. */
async function reachOf(bench: DockerBench, places: Readonly<Record<string, string>>): Promise<string[]> {
  const tries = Object.entries(places).map(
    ([name, address]) =>
      `[ "$(nc -w 2 ${address} ${listenedPort} </dev/null 2>/dev/null)" = here ] && echo ${name}`,
  );
  const { stdout } = await runJob(bench, { command: ['sh', '-c', `${tries.join('; ')}; true`] });
  return stdout.toString().split('\n').filter(Boolean);
}

describe.each(['bridge', 'isolated'])('a job on the network `%s`', (network) => {
  let bench: DockerBench;
  beforeAll(async () => {
    bench = await openBench(network);
    await bench.backend.check();
  });
  afterAll(() => bench[Symbol.asyncDispose]());

  test('reaches exactly what docs/engines.md says', async () => {
    await using neighbor = await startNeighbor(bench);
    const places = { 'another job': neighbor.address, gateway: neighbor.gateway, ...addresses };

    const others = ['gateway', 'host', 'database', 'metadata'];
    expect(await reachOf(bench, places)).toEqual(
      network === 'isolated' ? others : ['another job', ...others],
    );
  });

  test('has an IPv6 address only on loopback', async () => {
    const { stdout } = await runJob(bench, { command: ['cat', '/proc/net/if_inet6'] });

    expect(stdout.toString()).not.toMatch(/eth0/);
  });

  test('is told of in the log where jobs reach each other', () => {
    const told = `Jobs reach each other on the network "${network}". Set STINT_JOB_NETWORK=isolated, or \`"icc": false\` in the settings of the engine, where they are of different owners.`;

    expect(bench.failures).toEqual(network === 'isolated' ? [] : [told]);
  });
});

test('a port that a job on `isolated` publishes is reached from the host', async () => {
  await using bench = await openBench('isolated');
  const options = { ports: [{ container: listenedPort, host: 0, loopbackOnly: false }] };
  await using neighbor = await startNeighbor(bench, options);
  const [port] = await neighbor.running.ports();

  const ask = `require('node:net').connect(${port?.host}, '${addresses.host}').pipe(process.stdout)`;
  expect(await around.onHost(process.execPath, '-e', ask)).toBe('here\n');
});

test('a job without a network reaches nothing', async () => {
  await using bench = await openBench('none');

  expect(await reachOf(bench, { ...addresses, gateway: '172.17.0.1' })).toEqual([]);
});

test('with the rules of docs/engines.md a job on `isolated` reaches what they accept, and nothing else of these', async () => {
  await using bench = await openBench('isolated');
  await using neighbor = await startNeighbor(bench);
  const places = { 'another job': neighbor.address, gateway: neighbor.gateway, ...addresses };
  const rules = [
    '-I INPUT -i stint0 -m conntrack --ctstate NEW -j REJECT',
    `-I INPUT -i stint0 -p tcp -d ${addresses.host} --dport ${listenedPort} -j ACCEPT`,
    '-I DOCKER-USER -i stint0 -d 169.254.0.0/16 -j REJECT',
    `-I DOCKER-USER -i stint0 -d ${addresses.database} -j REJECT`,
  ];
  for (const rule of rules) await around.onHost('iptables', ...rule.split(' '));

  expect(await reachOf(bench, places)).toEqual(['host']);
});

test('a network of that name that lets containers reach each other is not used', async () => {
  await docker.getNetwork('stint-isolated').remove();
  await docker.createNetwork({ Name: 'stint-isolated', Driver: 'bridge' });
  await using bench = await openBench('isolated');

  await expect(runJob(bench, { command: ['true'] })).rejects.toThrow('to keep containers apart');
  await expect(bench.backend.check()).rejects.toThrow('to keep containers apart');
});

test('the network is made again where it was removed, by many jobs at once', async () => {
  await docker.getNetwork('stint-isolated').remove();
  const benches = await Promise.all([1, 2, 3].map(() => openBench('isolated')));

  const ran = await Promise.all(benches.map((bench) => runJob(bench, { command: ['echo', 'ran'] })));

  expect(ran.map(({ stdout }) => stdout.toString())).toEqual(['ran\n', 'ran\n', 'ran\n']);
  expect(await docker.listNetworks({ filters: { name: ['stint-isolated'] } })).toHaveLength(1);
  for (const bench of benches) await bench[Symbol.asyncDispose]();
});
