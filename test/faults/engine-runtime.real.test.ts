import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test, vi } from 'vitest';
import { startEngine } from '../../rig/engine/engine.js';
import { uniqueName } from '../journey/vault-operator.js';
import { openStand } from './stand.js';

const { own, dockerHost } = await startEngine({ alwaysOwn: true, name: 'runtime', separateContainerd: true });
const containerd = own?.containerd;
if (own === undefined || containerd === undefined)
  throw new Error('Expected a private engine and containerd.');
const stand = await openStand({ dockerHost });
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await own[Symbol.asyncDispose]();
});

/** Starts a job that prints `begun` and is over soon, and waits until it has printed. */
async function startJob(qname: string, script: string): Promise<string> {
  const id = await stand.submit({ qname, run: ['sh', '-c', `echo begun; ${script}`] });
  await stand.client.wait(id, 20_000, ({ output }) => output.includes('begun'));
  return id;
}

async function findPid(id: string): Promise<number> {
  const [container] = await stand.docker.listContainers({ filters: { label: [`stint.job=${id}`] } });
  return (await stand.docker.getContainer(container?.Id ?? '').inspect()).State.Pid;
}

function isGone(pid: number): boolean {
  try {
    return process.kill(pid, 0) !== true;
  } catch {
    return true;
  }
}

/** The runtime is away while the job ends: what an update of its package does. */
async function restartRuntime(id: string, signal: NodeJS.Signals): Promise<void> {
  const pid = await findPid(id);
  await containerd?.stop(signal);
  await vi.waitFor(() => expect(isGone(pid)).toBe(true), 20_000);
  await delay(500); // The shim of the job sends its end into the gap.
  await containerd?.start();
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'E2a: a job that ends while its engine’s runtime is away after %s has its true code or is lost, and its queue goes on',
  { timeout: 120_000 },
  async (signal) => {
    const qname = uniqueName();
    const id = await startJob(qname, 'sleep 4; echo bad; exit 5');
    const next = await stand.submit({ qname, run: ['true'] });

    await restartRuntime(id, signal);
    await stand.client.wait(next, 90_000);

    const { state, exit_code: code } = await stand.look(id);
    expect([`failed 5`, 'lost null']).toContain(`${state} ${code}`);
    expect(await stand.look(next)).toMatchObject({ state: 'succeeded' });
  },
);

test('E2a: so it is where somebody kills the container meanwhile', { timeout: 120_000 }, async () => {
  const qname = uniqueName();
  const id = await startJob(qname, 'sleep 4; echo bad; exit 5');

  await restartRuntime(id, 'SIGTERM');
  const [container] = await stand.docker.listContainers({ filters: { label: [`stint.job=${id}`] } });
  if (container !== undefined)
    await stand.docker
      .getContainer(container.Id)
      .kill()
      .catch(() => undefined);

  await vi.waitFor(async () => expect((await stand.look(id)).state).not.toMatch(/running|stopping/), 60_000);
  const { state, exit_code: code } = await stand.look(id);
  expect([`failed 5`, 'lost null']).toContain(`${state} ${code}`);
});

test('a job that closes its output and goes on has its own code', { timeout: 60_000 }, async () => {
  const id = await startJob(uniqueName(), 'exec >/dev/null 2>&1; sleep 12; exit 6');

  await stand.client.wait(id, 50_000);

  expect(await stand.look(id)).toMatchObject({ state: 'failed', exit_code: 6 });
});
