import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Engine, startEngine } from '../../../rig/engine/engine.js';
import { type Part, runCommand, startPart, until } from '../../../rig/process.js';

/** An engine of our own, and what is around it: listeners on its host and on another machine behind that. */
export interface Surroundings extends AsyncDisposable {
  readonly engine: Engine;
  /** Runs a command in the network of the engine's host. */
  onHost(command: string, ...args: string[]): Promise<string>;
}

/** Addresses where something listens on `listenedPort`; a bridge's own address is to be added. */
export const addresses = {
  host: '10.99.0.1',
  database: '10.99.1.2',
  metadata: '169.254.169.254',
} as const;
export const listenedPort = 7777;

const listener = `require('node:net').createServer((near) => near.end('here')).listen(${listenedPort}, '0.0.0.0', () => console.log('listening'))`;

export async function openSurroundings(): Promise<Surroundings> {
  const engine = await startEngine({ alwaysOwn: true, name: 'reach' });
  const directory = await mkdtemp(join(tmpdir(), 'stint-reach-'));
  const onHost = (command: string, ...args: string[]) =>
    runCommand(...(engine.own?.inNetwork(command, args) ?? [command, args]));
  const start = async (name: string, [command, args]: readonly [string, readonly string[]]) => {
    const logFile = join(directory, name);
    const part = await startPart(command, [...args], { logFile, deathSignal: 'KILL' });
    await until(() => part.logTail().includes('listening'), { limitMs: 20_000, what: name });
    return part;
  };
  const node: [string, string[]] = [process.execPath, ['-e', listener]];
  const elsewhere = await start('elsewhere', ['unshare', ['--net', ...node.flat()]]);
  await connect(onHost, elsewhere);
  const host = await start('host', engine.own?.inNetwork(...node) ?? node);
  return {
    engine,
    onHost,
    [Symbol.asyncDispose]: async () => {
      for (const part of [elsewhere, host]) part.signal('SIGKILL');
      await engine[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A cable from the engine's host to the other machine, which also answers for the metadata address. */
async function connect(onHost: Surroundings['onHost'], { pid }: Part): Promise<void> {
  const inside = (...args: string[]) =>
    runCommand('nsenter', ['--target', String(pid), '--net', 'ip', ...args]);
  await onHost('ip', 'addr', 'add', `${addresses.host}/32`, 'dev', 'lo');
  await onHost('ip', 'link', 'add', 'cable', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(pid));
  await onHost('ip', 'addr', 'add', '10.99.1.1/24', 'dev', 'cable');
  await onHost('ip', 'link', 'set', 'cable', 'up');
  await inside('link', 'set', 'lo', 'up');
  await inside('addr', 'add', `${addresses.metadata}/32`, 'dev', 'lo');
  await inside('addr', 'add', `${addresses.database}/24`, 'dev', 'eth0');
  await inside('link', 'set', 'eth0', 'up');
  await inside('route', 'add', 'default', 'via', '10.99.1.1');
  await onHost('ip', 'route', 'add', addresses.metadata, 'via', addresses.database);
}
