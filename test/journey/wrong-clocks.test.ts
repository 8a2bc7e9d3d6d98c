import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { AnsweredJob, GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { until } from '../../rig/process.js';
import type { StintServer } from '../../rig/stint/stint.js';
import { newJobId } from '../../src/job/id.js';
import { rigPart } from '../support/rig-part.js';
import { ClockStage, nodeIds, toleranceMs } from './clock-stage.js';
import { holding } from './holding.js';
import { containerExists, leaveContainer } from './left-container.js';
import { image } from './stint-on-rig.js';
import { uniqueName, VaultOperator } from './vault-operator.js';

// Q10: nodes whose clocks are an hour wrong, or jump by one. Postgres, Vault and the engine have the right time.

const [engine, vault] = await Promise.all([rigPart('engine'), rigPart('preparedVault')]);
const docker = connectDocker(engine.dockerHost);
await ensureImage(docker, image);
const operator = new VaultOperator(vault);
const operatorPolicy = uniqueName();
const made = await operator.write('auth/token/create', { policies: ['default', operatorPolicy] });
const hourMs = 3_600_000;
const ahead = { name: 'ahead', offsetMs: hourMs } as const;
const behind = { name: 'behind', offsetMs: -hourMs } as const;

// Several servers are started one after the other, each of which may take long on a slow machine.
vi.setConfig({ testTimeout: 180_000 });

let stage: ClockStage;

beforeEach(async () => {
  stage = await ClockStage.open({ engine, vault, operatorPolicy });
});

afterEach(() => stage[Symbol.asyncDispose]());

function submit(client: GostintClient, script: string, qname = uniqueName()): Promise<string> {
  return client.submit({ qname, container_image: image, run: ['sh', '-c', script] });
}

/** Lets a job wait until a test signals it. */
function untilSignaled(sign: string): string {
  return `until [ -e /tmp/${sign} ]; do sleep 0.1; done`;
}

async function sendSignal(sign: string, containerId: string): Promise<void> {
  const action = await docker.getContainer(containerId).exec({ Cmd: ['touch', `/tmp/${sign}`] });
  await action.start({ Detach: true });
}

/** Waits for the job's first line. */
async function untilUp(client: GostintClient, id: string): Promise<AnsweredJob> {
  return client.wait(id, 30_000, ({ output }) => output.includes('up'));
}

/** Lets the reaper remove what it finds at once. */
async function askReaper(server: StintServer | undefined): Promise<unknown> {
  const headers = { 'x-auth-token': made.auth.client_token };
  const answer = await fetch(`${server?.url}/stint/v1/reaper`, { method: 'POST', headers });
  return answer.json();
}

/** No job was lost, returned to the queue, adopted, claimed twice or subject of an alarm. */
async function expectUndisturbed(): Promise<void> {
  const disturbed = await stage.sql`
    select job_id, kind from events where kind in ('lost', 'queued', 'adopted', 'alarm')`;
  expect(disturbed).toEqual([]);
  const twice = await stage.sql`
    select job_id from events where kind = 'claimed' group by job_id having count(*) > 1`;
  expect(twice).toEqual([]);
}

/** The times of an answer are right and in order: they are the database's. */
function expectRightTimes({ submitted, started, ended }: AnsweredJob): void {
  const times = [submitted, started, ended].map((text) => Date.parse(text));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  for (const time of times) expect(Math.abs(time - Date.now())).toBeLessThan(toleranceMs);
}

/** A long lease: a node that is slow for a while must not have its jobs settled by the other one. */
const longLease = { STINT_LEASE: '6s', STINT_LOST_GRACE: '4s' };
/** Prints the machine's uptime first and last, which does not depend on any settable clock. */
const witness = 'cut -d" " -f1 /proc/uptime; sleep 0.2; cut -d" " -f1 /proc/uptime';

describe('Q10: two nodes, one an hour ahead and one an hour behind', () => {
  test('keep the order of a queue, never overlap and settle nothing of each other', async () => {
    // With one slot each, so that both are needed for two jobs at once.
    const settings = { ...longLease, STINT_SLOTS: '1' };
    const clients = [await stage.start(ahead, settings), await stage.start(behind, settings)] as const;
    const script = `echo up; ${untilSignaled('end')}; echo whole`;
    const long = await Promise.all(clients.map((client) => submit(client, script)));
    const held = await Promise.all(long.map((id) => untilUp(clients[0], id)));
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) ids.push(await submit(clients[n % 2 === 0 ? 0 : 1], witness, 'one'));
    for (const id of long) await outliveLease(id);
    for (const { container_id: container } of held) await sendSignal('end', container);

    const spans = [];
    for (const id of ids) {
      const job = await clients[0].wait(id);
      expect(job.status).toBe('success');
      expectRightTimes(job);
      spans.push(...job.output.trim().split('\n').map(Number));
    }
    expect(spans).toHaveLength(16);
    expect(spans).toEqual(spans.toSorted((a, b) => a - b));
    for (const id of long)
      expect(await clients[1].wait(id)).toMatchObject({ status: 'success', output: 'up\nwhole\n' });
    expect(held.map(({ node_uuid: node }) => node).toSorted()).toEqual(Object.values(nodeIds));
    await expectUndisturbed();
  });
});

describe('Q10: the same two nodes', () => {
  test('carry out every kill, and leave a young container without a job alone', async () => {
    const one = await stage.start(ahead, longLease);
    const other = await stage.start(behind, longLease);
    const young = await leaveContainer(docker, stage.sealKey, newJobId());
    try {
      await killThrough(one, other);
      await killThrough(other, one);

      for (const server of stage.servers) expect(await askReaper(server)).toEqual({ containers: [] });
      expect(await containerExists(docker, young)).toBe(true);
      await expectUndisturbed();
    } finally {
      await docker.getContainer(young).remove({ force: true });
    }
  });
});

/** A job that runs and one that waits behind it, submitted to one node and killed through the other. */
async function killThrough(client: GostintClient, killer: GostintClient): Promise<void> {
  const qname = uniqueName();
  const running = await submit(client, 'echo up; sleep 300', qname);
  const waiting = await submit(client, 'true', qname);
  await untilUp(client, running);

  for (const id of [waiting, running]) await killer.kill(id);

  const killed = { status: 'failed', kill_requested: true };
  expect(await client.wait(waiting)).toMatchObject({ ...killed, container_id: '' });
  const ended = await client.wait(running);
  expect(ended).toMatchObject(killed);
  expectRightTimes(ended);
}

describe.each([ahead, behind])('Q10: a node with a wrong clock, $name', (node) => {
  test('tells a stolen wrapping token from an expired one, and warns of neither without cause', async () => {
    const client = await stage.start(node);
    const stolen = await client.wrapSecretId();
    const qname = uniqueName();
    const running = await submit(client, 'echo up; sleep 300', qname);
    const post = (wrap: string, queue: string) =>
      client.post({ qname: queue, wrap_secret_id: wrap, container_image: image, run: ['true'] });
    const other = uniqueName();
    const beside = await submit(client, 'echo up; sleep 300', other);
    const { _id: first, ...answer } = await post(stolen, qname);
    const short = await client.wrapSecretId('10s');
    const { _id: second } = await post(short, other);
    expect(answer).not.toHaveProperty('warnings');

    await operator.ask('POST', 'sys/wrapping/unwrap', { headers: { 'X-Vault-Token': stolen } });
    await vi.waitFor(async () => expect(await isWhole(short)).toBe(false), 60_000);
    await Promise.all([client.kill(running), client.kill(beside)]);

    expect(await client.wait(first)).toMatchObject({
      status: 'notauthorised',
      output: holding('it has been used before its time'),
    });
    expect(await client.wait(second)).toMatchObject({
      status: 'notauthorised',
      output: holding('expired at 20'),
    });
    expect(await stage.sql`select job_id from events where kind = 'alarm'`).toEqual([{ job_id: first }]);
  });

  test('goes on with a job that its previous process had started when its clock was right', async () => {
    const before = await stage.start({ ...node, offsetMs: 0 });
    const id = await submit(
      before,
      `echo up; ${untilSignaled('mid')}; echo mid; ${untilSignaled('end')}; echo down`,
    );
    const { container_id: container } = await untilUp(before, id);
    stage.servers[0]?.signal('SIGKILL');
    await stage.servers[0]?.gone(5_000);
    await sendSignal('mid', container);

    const after = await stage.start(node);
    await after.wait(id, 30_000, ({ output }) => output.includes('mid'));
    await sendSignal('end', container);

    const output = 'up\nmid\ndown\n';
    expect(await after.wait(id)).toMatchObject({ status: 'success', return_code: 0, output });
    expect(await stage.sql`select output_complete from jobs`).toEqual([{ output_complete: true }]);
  });
});

async function isWhole(wrap: string): Promise<boolean> {
  const { status } = await operator.ask('POST', 'sys/wrapping/lookup', { body: { token: wrap } });
  return status === 200;
}

describe.each([ahead, behind])('Q10: a node whose clock is wrong or jumps, $name', (node) => {
  test('removes a container without a job that is older than the grace', async () => {
    await stage.start(node, { STINT_REAP_GRACE: '1s' });
    const old = await leaveContainer(docker, stage.sealKey, newJobId());

    const askAgain = async () => {
      await askReaper(stage.servers[0]);
      expect(await containerExists(docker, old)).toBe(false);
    };
    await vi.waitFor(askAgain, { timeout: 30_000, interval: 200 });
  });

  test('lets jobs run and wait on while its clock jumps, and jumps back beyond', async () => {
    const client = await stage.start({ ...node, offsetMs: 0 });
    const qname = uniqueName();
    const running = await submit(client, `echo up; ${untilSignaled('end')}; echo down`, qname);
    const waiting = await submit(client, 'echo next', qname);
    const { container_id: id } = await untilUp(client, running);

    for (const offsetMs of [node.offsetMs, -node.offsetMs]) {
      await stage.jump({ ...node, offsetMs });
      await outliveLease(running);
    }
    await sendSignal('end', id);

    const ended = await client.wait(running);
    expect(ended).toMatchObject({ status: 'success', output: 'up\ndown\n' });
    expectRightTimes(ended);
    expect(await client.wait(waiting)).toMatchObject({ status: 'success', output: 'next\n' });
    await expectUndisturbed();
  });

  test('kills a job and gives its answer after a jump', async () => {
    const client = await stage.start({ ...node, offsetMs: 0 });
    const id = await submit(client, 'echo up; sleep 300');
    await untilUp(client, id);

    await stage.jump(node);
    await client.kill(id);

    const ended = await client.wait(id);
    expect(ended).toMatchObject({ status: 'failed', kill_requested: true });
    expectRightTimes(ended);
  });
});

/** Waits until the job's present lease has passed and was renewed, by the database's clock. */
async function outliveLease(id: string): Promise<void> {
  const [row] = await stage.sql`select lease_until::text as until from jobs where id = ${id}`;
  const isOutlived = async () => {
    const [later] = await stage.sql`
      select true from jobs
      where id = ${id} and clock_timestamp() > ${row?.until ?? null}::timestamptz and lease_until > clock_timestamp()`;
    return later !== undefined;
  };
  await until(isOutlived, { limitMs: 30_000, what: 'a lease to be renewed' });
}
