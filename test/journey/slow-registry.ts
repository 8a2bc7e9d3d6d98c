import { readFile } from 'node:fs/promises';
import type Docker from 'dockerode';
import { connectDocker } from '../../rig/engine/docker.js';
import { startEngine } from '../../rig/engine/engine.js';
import { ensureImage } from '../../rig/engine/image.js';
import { type Registry, startRegistry } from '../../rig/engine/registry.js';
import { image } from './stint-on-rig.js';

/** A private engine and registry, which a test may let hang. */
export interface SlowRegistry extends AsyncDisposable {
  readonly dockerHost: string;
  readonly docker: Docker;
  readonly registry: Registry;
  /** The engine does not answer until `resume`. */
  suspendEngine(): void;
  /** Resumes engine and registry. Call it after each test, since a failed test leaves them hanging. */
  resume(): void;
  /** Pushes busybox under this name and removes it from the engine. Returns the reference to pull it by. */
  publish(name: string): Promise<string>;
  /** Whether the engine has a connection to the registry, which may be hanging. */
  isAsked(): Promise<boolean>;
}

/** Await it at the top of a test file, like `startStintOnRig`. The registry must be in the engine's network. */
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
