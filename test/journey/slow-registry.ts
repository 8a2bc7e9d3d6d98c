import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { connectDocker } from '../../rig/engine/docker.js';
import { startEngine } from '../../rig/engine/engine.js';
import { ensureImage } from '../../rig/engine/image.js';
import { type Registry, startRegistry } from '../../rig/engine/registry.js';
import { image } from './stint-on-rig.js';

/** An engine and a registry of a journey's own, both of which it may let hang. */
export interface SlowRegistry extends AsyncDisposable {
  readonly dockerHost: string;
  readonly docker: Docker;
  readonly registry: Registry;
  /** The engine answers nobody until `resume`. */
  suspendEngine(): void;
  /** Wakes engine and registry. To be called after each test, since one that failed half way leaves them hanging. */
  resume(): void;
  /** Pushes busybox under this name and lets the engine forget it. Returns what to pull it by. */
  publish(name: string): Promise<string>;
  /** Whether the engine is talking to the registry, which may be hanging. */
  isAsked(): Promise<boolean>;
}

/** Await it at the top of a journey, as `startStintOnRig`. The registry must be in the engine's network. */
export async function startSlowRegistry(): Promise<SlowRegistry> {
  const engine = await startEngine({ alwaysOwn: true, name: 'slow-engine' });
  const pid = engine.own?.pid ?? Number.NaN;
  const registry = await startRegistry({ engine });
  const docker = connectDocker(engine.dockerHost);
  await ensureImage(docker, image);
  return {
    dockerHost: engine.dockerHost,
    docker,
    registry,
    suspendEngine: () => void process.kill(pid, 'SIGSTOP'),
    resume: () => {
      process.kill(pid, 'SIGCONT');
      registry.resume();
    },
    publish: async (name) => {
      const { reference } = await registry.push(docker, image, name);
      await docker.getImage(reference).remove();
      return reference;
    },
    isAsked: () => hasConnection(pid, registry.host),
    [Symbol.asyncDispose]: async () => {
      await registry[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
    },
  };
}

/** As the kernel lists the connections of a process's network: addresses in hex, 01 for one that is established. */
async function hasConnection(pid: number, host: string): Promise<boolean> {
  const port = Number(host.split(':')[1]).toString(16).toUpperCase().padStart(4, '0');
  const connections = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
  return new RegExp(`^ *\\d+: \\w+:\\w+ 0100007F:${port} 01 `, 'm').test(connections);
}
