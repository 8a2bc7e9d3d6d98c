import { readFile } from 'node:fs/promises';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { startEngine } from '../../rig/engine/engine.js';
import type { OwnEngine } from '../../rig/engine/own-engine.js';
import { uniqueName } from '../journey/vault-operator.js';
import { openStand, type Stand } from './stand.js';

interface EngineStand {
  readonly engine: OwnEngine;
  readonly stand: Stand;
}

async function openEngineStand(name: string, args: readonly string[]): Promise<EngineStand> {
  const { own, dockerHost } = await startEngine({ alwaysOwn: true, name, args });
  if (own === undefined) throw new Error('Expected a private engine.');
  return { engine: own, stand: await openStand({ dockerHost }) };
}

const restoring = await openEngineStand('restoring', ['--live-restore']);
const plain = await openEngineStand('plain', ['--shutdown-timeout', '3']);
afterAll(async () => {
  for (const { engine, stand } of [restoring, plain]) {
    await stand[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  }
});

/** Starts a job and waits until its program runs. */
async function startJob({ stand }: EngineStand, script: string): Promise<string> {
  const id = await stand.submit({ qname: uniqueName(), run: ['sh', '-c', `echo begun; ${script}`] });
  await stand.client.wait(id, 20_000, ({ output }) => output.includes('begun'));
  return id;
}

async function waitForEnd({ stand }: EngineStand, id: string) {
  await vi.waitFor(
    async () => expect((await stand.client.get(id)).status).not.toMatch(/running|stopping/),
    50_000,
  );
  return await stand.look(id);
}

async function findContainer({ stand }: EngineStand, id: string): Promise<string | undefined> {
  const [container] = await stand.docker.listContainers({ filters: { label: [`stint.job=${id}`] } });
  return container?.Id;
}

/** Finds the program's process on the host. */
async function findPid(engineStand: EngineStand, id: string): Promise<number> {
  const container = (await findContainer(engineStand, id)) ?? '';
  return (await engineStand.stand.docker.getContainer(container).inspect()).State.Pid;
}

async function isGone(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => undefined);
  return status === undefined || /^State:\s+Z/m.test(status);
}

async function goesOn({ stand }: EngineStand): Promise<void> {
  await vi.waitFor(async () => expect((await fetch(`${stand.stint.url}/readyz`)).status).toBe(200), 20_000);
  const id = await stand.submit({ qname: uniqueName(), run: ['true'] });
  expect(await stand.client.wait(id)).toMatchObject({ status: 'success' });
}

/** containerd 2 ends with the engine that started it, and forgets how a container ended before it is back. */
async function keepsExitCodes({ stand }: EngineStand): Promise<boolean> {
  const { Components: components = [] } = await stand.docker.version();
  const version = components.find(({ Name }) => Name === 'containerd')?.Version ?? '';
  return Number.parseInt(version.replace(/^v/, ''), 10) < 2;
}

describe('E2: with live-restore a job', () => {
  test('that outlives the gap has its true code and its whole output', async () => {
    const id = await startJob(restoring, 'sleep 5; echo after; exit 3');

    await restoring.engine.kill();
    await restoring.engine.start();

    expect(await waitForEnd(restoring, id)).toMatchObject({
      state: 'failed',
      exit_code: 3,
      output_complete: true,
    });
    expect((await restoring.stand.client.get(id)).output).toBe('begun\nafter\n');
    await goesOn(restoring);
  });

  test('that ends inside the gap has its true code where containerd keeps it, else it is lost, and its output is flagged', async () => {
    const id = await startJob(restoring, 'sleep 2; echo lost; exit 5');
    const pid = await findPid(restoring, id);

    await restoring.engine.kill();
    await vi.waitFor(async () => expect(await isGone(pid)).toBe(true), 10_000);
    await restoring.engine.start();

    expect(await waitForEnd(restoring, id)).toMatchObject({
      ...((await keepsExitCodes(restoring)) ? { state: 'failed', exit_code: 5 } : { state: 'lost' }),
      output_complete: false,
    });
    await goesOn(restoring);
  });

  test('whose processes all vanished with their host is no success', async () => {
    const id = await startJob(restoring, 'sleep 300');
    const pid = await findPid(restoring, id);

    await restoring.engine.kill();
    await killTree(pid);
    await restoring.engine.start();

    expect(await waitForEnd(restoring, id)).toMatchObject({ state: 'lost' });
    await goesOn(restoring);
  });
});

describe('E2: with live-restore a job that outlives the gap', () => {
  test.each([137, 143, 255])('and ends with %i by itself has that code', async (code) => {
    const id = await startJob(restoring, `sleep 5; exit ${code}`);

    await restoring.engine.kill();
    await restoring.engine.start();

    expect(await waitForEnd(restoring, id)).toMatchObject({ state: 'failed', exit_code: code });
    await goesOn(restoring);
  });

  test('and is killed by somebody afterwards has the code of that', async () => {
    const id = await startJob(restoring, 'sleep 300');

    await restoring.engine.kill();
    await restoring.engine.start();
    await goesOn(restoring); // By then stint has seen that it is back.
    await restoring.stand.docker.getContainer((await findContainer(restoring, id)) ?? '').kill();

    expect(await waitForEnd(restoring, id)).toMatchObject({ state: 'failed', exit_code: 137 });
    await goesOn(restoring);
  });
});

/** Kills the shim too, so that nothing knows how it ended. */
async function killTree(pid: number): Promise<void> {
  const parent = Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]);
  process.kill(parent, 'SIGKILL');
  process.kill(pid, 'SIGKILL');
  await vi.waitFor(async () => expect(await isGone(pid)).toBe(true), 10_000);
}

describe('E2: without live-restore a job', () => {
  test('whose engine was stopped under it is lost, not failed', async () => {
    const id = await startJob(plain, 'sleep 300');

    await plain.engine.stop();
    await plain.engine.start();

    expect(await waitForEnd(plain, id)).toMatchObject({ state: 'lost' });
    await goesOn(plain);
  });

  test.each([
    ['answers the signal with a code of its own', 'trap "exit 255" TERM; while :; do sleep 0.1; done'],
    ['has to be killed', 'trap "" TERM; while :; do sleep 0.1; done'],
  ])('that %s when its engine is stopped under it is lost, not failed', async (_, script) => {
    const id = await startJob(plain, script);

    await plain.engine.stop();
    await plain.engine.start();

    expect(await waitForEnd(plain, id)).toMatchObject({ state: 'lost' });
    await goesOn(plain);
  });

  test('whose engine died, and stops it when it is back, is lost, not failed', {
    timeout: 90_000,
  }, async () => {
    const id = await startJob(plain, 'sleep 300');

    await plain.engine.kill();
    await plain.engine.start();

    expect(await waitForEnd(plain, id)).toMatchObject({ state: 'lost' });
    await goesOn(plain);
  });

  test('that was to be killed meanwhile is canceled', { timeout: 90_000 }, async () => {
    const id = await startJob(plain, 'sleep 300');

    await plain.engine.kill();
    await plain.stand.client.kill(id);
    await plain.engine.start();

    expect(await waitForEnd(plain, id)).toMatchObject({ state: 'canceled' });
  });
});
