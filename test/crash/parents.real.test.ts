import { expect, test, vi } from 'vitest';
import { waitForNothingLeft } from '../../bench/chaos/history/left-behind.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import type { StintServer } from '../../rig/stint/stint.js';
import { rigPart } from '../support/rig-part.js';
import { type CrashStage, openCrashStage } from './node-on-rig.js';

const image = 'busybox:latest';
const [engine] = await Promise.all([rigPart('engine'), rigPart('postgres'), rigPart('vault')]);
await ensureImage(connectDocker(engine.dockerHost), image);

/** Five runs, two at once. Not awaited where the server is killed while it answers. */
async function submitSweep(stage: CrashStage, stint: StintServer, more: object = {}): Promise<void> {
  const job = {
    project: 'vision',
    name: 'sweep',
    image,
    imagePullPolicy: 'Never',
    command: ['sh', '-c', 'echo run $POD_INDEX; sleep 1'],
    completions: 5,
    parallelism: 2,
    backoffLimit: 3,
    ...more,
  };
  const token = await (await stage.clientOf(stint)).minimalToken();
  await fetch(`${stint.url}/api/job`, {
    method: 'POST',
    headers: { 'x-auth-token': token, 'content-type': 'application/json' },
    body: JSON.stringify({ job }),
  }).catch(() => undefined);
}

/** The same with a SecretID: the first run logs in for all. */
async function submitWithLogin(stage: CrashStage, stint: StintServer): Promise<void> {
  const client = await stage.clientOf(stint);
  await submitSweep(stage, stint, { wrap_secret_id: await client.wrapSecretId() });
}

interface Row {
  readonly id: string;
  readonly state: string;
  readonly slot: number | null;
}

const parentOf = async ({ sql }: CrashStage) =>
  (await sql<Row[]>`select id, state, slot from jobs where is_parent`)[0];

async function checkSweep(stage: CrashStage, mostLost: number): Promise<readonly Row[]> {
  // `expect.poll` belongs to a test, and these run beside each other.
  await vi.waitFor(async () => expect((await parentOf(stage))?.state).toBe('succeeded'), {
    timeout: 60_000,
    interval: 200,
  });
  const children = await stage.sql<
    Row[]
  >`select id, state, slot from jobs where parent is not null order by seq`;
  const ended = (state: string) => children.filter((child) => child.state === state);
  expect(
    ended('succeeded')
      .map(({ slot }) => slot)
      .toSorted(),
  ).toEqual([0, 1, 2, 3, 4]);
  expect(children.length - 5).toBe(ended('lost').length);
  expect(ended('lost').length).toBeLessThanOrEqual(mostLost);
  for (const { id } of children) {
    const starts = stage.engine.events.filter(({ jobId, action }) => jobId === id && action === 'start');
    expect(starts.length).toBeLessThanOrEqual(1);
  }
  const all = await stage.sql<Row[]>`select id from jobs`;
  const jobIds = all.map(({ id }) => id);
  const { containers, hostFiles, requestRows } = await waitForNothingLeft(
    { ...stage.places, jobIds },
    45_000,
  );
  expect({ containers, hostFiles, requestRows }).toEqual({ containers: [], hostFiles: [], requestRows: [] });
  return ended('lost');
}

/**
 * A node that comes back takes over each container that runs. What it may call lost is a run whose container the killed node had
 * not started yet, or was removing, with its end not stored: at any of these places another run may be so far.
 */
function expectNothingRunningLost(stage: CrashStage, lost: readonly Row[], at: number): void {
  for (const { id } of lost) {
    const actions = stage.engine.events.filter(({ jobId }) => jobId === id);
    if (!actions.some(({ action }) => action === 'start')) continue;
    expect(actions.find(({ action }) => action === 'die')?.at).toBeLessThan(at);
  }
}

// While it is submitted; before its second child; in the middle; around the end of a child.
test.concurrent.each([
  'before-step=kill',
  'before-step=kill@2',
  'before-step=kill@5',
  'after-claim=kill@2',
  'after-start=kill@3',
  'before-record=kill@2',
  'after-record=kill@4',
])(
  'Q1: a node that is killed at %s in the middle of a sweep and comes back runs each index to its end once',
  async (failpoints) => {
    await using stage = await openCrashStage();
    await using stint = await stage.start('A', { STINT_FAILPOINTS: failpoints, STINT_SLOTS: '4' });
    await submitSweep(stage, stint);
    await stint.gone(30_000);

    const cameBackAt = Date.now();
    await using next = await stage.start('A', { STINT_SLOTS: '4' });
    expectNothingRunningLost(stage, await checkSweep(stage, 2), cameBackAt);
    expect(next.exitCode()).toBeUndefined();
  },
  120_000,
);

test.concurrent.each(['before-step=kill@3', 'after-start=kill@2'])(
  'Q1, Q6: another node carries on the sweep of one that was killed at %s and stays away',
  async (failpoints) => {
    await using stage = await openCrashStage();
    await using stint = await stage.start('A', { STINT_FAILPOINTS: failpoints, STINT_SLOTS: '4' });
    await submitSweep(stage, stint);
    await stint.gone(30_000);

    await using other = await stage.start('B', { STINT_SLOTS: '4', STINT_REAP_GRACE: '5s' });
    await checkSweep(stage, 2);
    expect(other.exitCode()).toBeUndefined();
  },
  120_000,
);

test('Q1: a node that is killed after the login of a sweep was kept goes on with it, and revokes it at the end', async () => {
  await using stage = await openCrashStage();
  await using stint = await stage.start('A', { STINT_FAILPOINTS: 'after-login-kept=kill', STINT_SLOTS: '4' });
  await submitWithLogin(stage, stint);
  await stint.gone(30_000);

  await using next = await stage.start('A', { STINT_SLOTS: '4' });
  await checkSweep(stage, 1);
  expect(next.exitCode()).toBeUndefined();
  await expectNoToken(stage);
}, 120_000);

test('Q1: a node that is killed at the login of a sweep leaves it lost: nobody logs in again', async () => {
  await using stage = await openCrashStage();
  await using stint = await stage.start('A', { STINT_FAILPOINTS: 'after-token-recorded=kill' });
  await submitWithLogin(stage, stint);
  await stint.gone(30_000);

  await using next = await stage.start('A');
  await expect.poll(async () => (await parentOf(stage))?.state, { timeout: 60_000 }).toBe('lost');
  expect(next.exitCode()).toBeUndefined();
  expect(await stage.sql`select from jobs where parent is not null`).toHaveLength(1);
  await expectNoToken(stage);
}, 120_000);

async function expectNoToken(stage: CrashStage): Promise<void> {
  const { tokens } = await waitForNothingLeft({ ...stage.places, jobIds: [] }, 45_000);
  expect(tokens).toEqual([]);
}
