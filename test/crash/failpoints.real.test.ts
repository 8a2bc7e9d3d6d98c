import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { collectJobs } from '../../bench/chaos/history/collect.js';
import { waitForNothingLeft } from '../../bench/chaos/history/left-behind.js';
import type { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { type FailpointName, failpointNames } from '../../src/job/failpoint.js';
import { tarOf } from '../support/archives.js';
import { rigPart } from '../support/rig-part.js';
import { type CrashStage, openCrashStage } from './node-on-rig.js';

const image = 'busybox:latest';
const [engine] = await Promise.all([rigPart('engine'), rigPart('postgres'), rigPart('vault')]);
await ensureImage(connectDocker(engine.dockerHost), image);

/** What such a job does not pass: `parents.real.test.ts` and `secret-in-output.real.test.ts` have them. */
const elsewhere = ['before-step', 'after-login-kept', 'after-secret-found'] as const;
type Elsewhere = (typeof elsewhere)[number];

/**
 * How a job in the clear ends whose node dies at this failpoint. Its container is prepared before its SecretID is unwrapped.
 * The unwrap is recorded before it is done: from then on it may have happened.
 */
const ends: Readonly<Record<Exclude<FailpointName, Elsewhere>, 'none' | 'success' | 'unknown'>> = {
  'after-cubbyhole-read': 'none',
  'after-upload': 'none',
  'after-insert': 'success',
  'after-claim': 'success',
  'after-look-up': 'success',
  'after-prepare': 'success',
  'before-unwrap': 'unknown',
  'after-unwrap': 'unknown',
  'after-login': 'unknown',
  'after-token-recorded': 'unknown',
  'after-deliver': 'unknown',
  'before-start': 'unknown',
  'after-start': 'success',
  'first-output-stored': 'success',
  'after-exit': 'success',
  'after-container-removed': 'unknown',
  'after-revoke': 'unknown',
  'before-record': 'unknown',
  'after-record': 'success',
};

const printed = 'begun\ndone\n';

/** Secrets are lost with a container that ended while its node was down: output that cannot be masked is not stored. */
function isCompleteOrFlagged(output: string): boolean {
  return output === printed || output.includes('[stint: output may be missing');
}

async function longContent(): Promise<string> {
  const archive = await tarOf([{ name: 'srv/file', body: randomBytes(500_000) }]);
  return `targz,${archive.toString('base64')}`;
}

/** Resolves to whether the server answered: it does not where it is killed during the submit. */
async function submit(client: GostintClient, name: string): Promise<boolean> {
  const fields = {
    qname: 'crash',
    container_image: image,
    run: ['sh', '-c', 'echo begun; sleep 4; echo done'],
  };
  const wrap = await client.wrapSecretId();
  // Only a long request is uploaded before its job is stored.
  const long = name === 'after-upload' ? { content: await longContent() } : {};
  // Only a payload in a cubbyhole may be lost: its token is spent when the server dies.
  const answer =
    name === 'after-cubbyhole-read'
      ? client.submit(fields)
      : client.post({ ...fields, ...long, wrap_secret_id: wrap });
  return await answer.then(
    () => true,
    () => false,
  );
}

/** Starts a node that is killed at this failpoint, and waits until it is gone. */
async function crashAt(name: FailpointName, stage: CrashStage): Promise<void> {
  await using stint = await stage.start('A', { STINT_FAILPOINTS: `${name}=kill` });
  expect(await stint.readLog()).toContain('FAILPOINTS ARE ARMED');
  const client = await stage.clientOf(stint);
  const isDuringSubmit = ['after-cubbyhole-read', 'after-upload', 'after-insert'].includes(name);
  expect(await submit(client, name)).toBe(!isDuringSubmit);
  await stint.gone(20_000);
}

async function idOfFirst(stage: CrashStage): Promise<string | undefined> {
  const [row] = await stage.sql<{ id: string }[]>`select id from jobs order by seq limit 1`;
  return row?.id;
}

/** What must hold after every crash. */
async function checkAftermath(stage: CrashStage, mayLeak: boolean): Promise<void> {
  const jobs = await collectJobs(stage.sql);
  const jobIds = jobs.map(({ id }) => id);
  const left = await waitForNothingLeft({ ...stage.places, jobIds }, mayLeak ? 1_000 : 45_000);
  const { tokens, ...rest } = left;
  expect(rest).toEqual({ containers: [], hostFiles: [], requestRows: [] });
  expect(tokens.length).toBeLessThanOrEqual(mayLeak ? 1 : 0);
  for (const { id, state, exitCode, events } of jobs) {
    const starts = stage.engine.events.filter(({ jobId, action }) => jobId === id && action === 'start');
    const finals = events.filter(({ kind }) => ['succeeded', 'failed', 'canceled', 'lost'].includes(kind));
    expect(starts.length).toBeLessThanOrEqual(1);
    expect(finals.map(({ kind }) => kind)).toEqual([state]);
    expect(state === 'succeeded' && exitCode !== 0).toBe(false);
  }
}

test('Q1: every failpoint has a crash test', () => {
  expect([...Object.keys(ends), ...elsewhere].toSorted()).toEqual(failpointNames.toSorted());
});

test.concurrent.each(Object.entries(ends) as [FailpointName, string][])(
  'Q1: a node that is killed at %s and comes back leaves a job that ends as %s, and nothing else',
  async (name, end) => {
    await using stage = await openCrashStage();
    await crashAt(name, stage);

    await using next = await stage.start('A');
    const client = await stage.clientOf(next);
    const id = await idOfFirst(stage);
    const job = id === undefined ? undefined : await client.wait(id, 20_000);
    expect(job?.status ?? 'none').toBe(end);
    expect(job?.status === 'success' ? job.output : printed).toSatisfy(isCompleteOrFlagged);
    const second = await client.submit({ qname: 'crash', container_image: image, run: ['echo', 'on'] });
    expect(await client.wait(second, 20_000)).toMatchObject({ status: 'success', output: 'on\n' });
    // A token that was not recorded yet cannot be revoked: it lives until it expires.
    await checkAftermath(stage, name === 'after-login');
  },
  120_000,
);

test.concurrent.each([
  ['after-claim', 'success'],
  ['after-prepare', 'success'],
  ['after-token-recorded', 'unknown'],
  ['after-start', 'unknown'],
] as const)(
  'Q1: another node settles what one that was killed at %s has left: it ends as %s',
  async (name, end) => {
    await using stage = await openCrashStage();
    await using other = await stage.start('B', { STINT_SLOTS: '1' });
    const client = await stage.clientOf(other);
    const busy = await client.submit({ qname: 'busy', container_image: image, run: ['sleep', '300'] });
    await client.wait(busy, 20_000, ({ output, status }) => output !== '' || status === 'running');
    await crashAt(name, stage);

    await client.kill(busy);
    const [row] = await stage.sql<{ id: string }[]>`select id from jobs where queue = 'crash'`;
    expect((await client.wait(row?.id ?? '', 30_000)).status).toBe(end);

    await using back = await stage.start('A');
    expect(back.exitCode()).toBeUndefined();
    await checkAftermath(stage, false);
  },
  120_000,
);
