import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, expect, test } from 'vitest';
import { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import { settingsFor } from '../../rig/stint/settings.js';
import { type StintServer, startStintServer } from '../../rig/stint/stint.js';
import { createEmptyDatabase } from '../support/database.js';
import { rigPart } from '../support/rig-part.js';
import { GafferClient } from './gaffer-client.js';
import { EventSocket, ProcessSocket } from './gaffer-socket.js';

const image = 'busybox:latest';
const [engine, vault] = await Promise.all([rigPart('engine'), rigPart('preparedVault')]);
await ensureImage(connectDocker(engine.dockerHost), image);
const database = await createEmptyDatabase();
const { setup, address } = vault;
const token = await GostintClient.logIn(address, {
  roleId: setup.clientRoleId,
  secretId: setup.clientSecretId,
});
const sealKey = randomBytes(32).toString('base64');
const servers: StintServer[] = [];
afterAll(() => database[Symbol.asyncDispose]());
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function start(settings: Readonly<Record<string, string>>): Promise<StintServer> {
  const ground = { databaseUrl: database.url, dockerHost: engine.dockerHost, vaultAddress: address, setup };
  const shared = { STINT_SEAL_KEY: sealKey, STINT_GAFFER_IMAGE: image, STINT_ON_SHUTDOWN: 'leave' };
  const server = await startStintServer({ env: { ...settingsFor(ground), ...shared, ...settings } });
  servers.push(server);
  return server;
}

const poll = <T>(read: () => T | Promise<T>) => expect.poll(read, { timeout: 60_000 });
const headers = { 'X-Api-Key': token };
const channel = ({ url }: StintServer, pid: number, rest: string) => {
  const socket = new ProcessSocket(`${url}/${pid}/channel${rest}`, headers);
  return socket.opened();
};
const echo = 'echo up; while read -r line && [ "$line" != end ]; do echo "$line"; done';
/** Open both ways a pipe stays open while nobody has its other end. */
const piped = 'exec <>"$GAFFER_STREAM_CTL.in" 1<>"$GAFFER_STREAM_CTL.out"';
const usual = { cmd: 'sh -c', args: [echo], redirect_input: true, redirect_output: ['out'] };
const custom = { cmd: 'sh -c', args: [`${piped}; sleep 1; ${echo}`], custom_streams: ['ctl'] };

test.each([
  ['SIGTERM', 'standard streams', usual, ''],
  ['SIGKILL', 'standard streams', usual, ''],
  ['SIGTERM', 'a custom stream', custom, '/ctl'],
  ['SIGKILL', 'a custom stream', custom, '/ctl'],
] as const)(
  'over a restart of its node by %s a program gets each line once and in order, and a client each that it prints: %s',
  { timeout: 180_000 },
  async (signal, _of, config, rest) => {
    const STINT_NODE_ID = randomUUID();
    const runs = await start({ STINT_NODE_ID });
    const session = `s${STINT_NODE_ID.slice(0, 8)}`;
    const gaffer = new GafferClient(runs.url, token);
    await gaffer.load(session, { name: 'web', ...config, detach: true });
    const [pid = 0] = await gaffer.pids(`${session}.web`);
    const open = await channel(runs, pid, rest);
    await poll(() => open.printed).toBe('up\n');
    const other = await start({ STINT_SLOTS: '1', STINT_NODE_ID: randomUUID() });
    await using reader = await channel(other, pid, rest);
    const idle = await new EventSocket(`${runs.url}/channel/websocket`, headers).opened();
    const [before, meanwhile, after] = ['a', 'b', 'c'].map((name) =>
      Array.from({ length: 50 }, (_, at) => `${name}${at}\n`),
    );
    const told = (before ?? []).map((line) => reader.write(line));
    await poll(() => reader.printed).toBe(before?.join(''));

    runs.signal(signal);
    await runs.gone(15_000);
    await poll(() => [open.closed, idle.closed]).toEqual(signal === 'SIGTERM' ? [1001, 1001] : [1006, 1006]);
    told.push(...(meanwhile ?? []).map((line) => reader.write(line)));
    await poll(() => told.every((id) => reader.answerTo(id) === 'OK')).toBe(true);
    await start({ STINT_NODE_ID });
    for (const line of [...(after ?? []), 'end\n']) reader.write(line);

    await poll(() => reader.closed).toBe(1000);
    expect(reader.printed).toBe([...(before ?? []), ...(meanwhile ?? []), ...(after ?? [])].join(''));
  },
);
