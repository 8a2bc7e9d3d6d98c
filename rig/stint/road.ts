// A way from the containers of an engine to a stint on this machine, whatever network the engine has.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type Docker from 'dockerode';

/**
 * A way from containers of an engine to a stint on this machine. An engine of our own has a network of its own, from which nothing
 * else can be reached: a small process in it passes connections on through a Unix socket, which knows no networks.
 */
export interface RoadToStint extends AsyncDisposable {
  /** As containers in the network `bridge` reach it. */
  readonly url: string;
  /** Where it leads from now on. */
  leadTo(stintUrl: string): void;
}

/** Runs in the engine's network; prints its port. */
const gate = `
  const { connect, createServer } = require('node:net');
  const server = createServer((near) => {
    const far = connect(process.argv[1]);
    for (const end of [near, far]) end.on('error', () => [near, far].map((each) => each.destroy()));
    near.pipe(far).pipe(near);
  });
  server.listen(0, '0.0.0.0', () => console.log(server.address().port));
  process.stdin.on('end', () => process.exit()).resume();`;

/** `socketPath`: of the engine, which must be on this machine. */
export async function openRoadToStint(docker: Docker, socketPath: string | undefined): Promise<RoadToStint> {
  const directory = await mkdtemp(join(tmpdir(), 'stint-road-'));
  const roadPath = join(directory, 'road.sock');
  let port = 0;
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, '127.0.0.1');
    for (const end of [near, far]) {
      open.add(end);
      end.once('close', () => open.delete(end));
      end.on('error', () => [near, far].map((each) => each.destroy()));
    }
    near.pipe(far).pipe(near);
  });
  await listen(server, roadPath);
  const process = await startGate(roadPath, socketPath);
  const [line] = (await once(process.stdout ?? server, 'data')) as [Buffer];
  return {
    url: `http://${await gatewayOf(docker)}:${line.toString().trim()}`,
    leadTo: (stintUrl) => {
      port = Number(new URL(stintUrl).port);
    },
    [Symbol.asyncDispose]: async () => {
      process.stdin?.end();
      await once(process, 'exit');
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function listen(server: Server, path: string): Promise<AddressInfo | string | null> {
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return server.address();
}

/** An engine that others started shares the network of this machine. */
async function startGate(roadPath: string, socketPath: string | undefined): Promise<ChildProcess> {
  const command = [process.execPath, '-e', gate, roadPath];
  const [program = '', ...args] = [...(await enterNetwork(socketPath)), ...command];
  return spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
}

async function enterNetwork(socketPath: string | undefined): Promise<string[]> {
  const pidFile = join(dirname(socketPath ?? '/nowhere/docker.sock'), 'dockerd.pid');
  const pid = await readFile(pidFile, 'utf8').catch(() => undefined);
  return pid === undefined ? [] : ['nsenter', '--target', pid.trim(), '--net'];
}

async function gatewayOf(docker: Docker): Promise<string> {
  const { IPAM } = (await docker.getNetwork('bridge').inspect()) as {
    IPAM: { Config: { Gateway?: string }[] };
  };
  return IPAM.Config[0]?.Gateway ?? '172.17.0.1';
}
