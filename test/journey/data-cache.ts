import { randomUUID } from 'node:crypto';
import type Docker from 'dockerode';
import { image } from './stint-on-rig.js';

/** A data cache of its own, as LOPCO's adapter writes it. */
export class DataCache {
  readonly volume = `stint-test-cache-${randomUUID()}`;
  readonly #docker: Docker;

  constructor(docker: Docker) {
    this.#docker = docker;
  }

  async write(name: string, text: string): Promise<void> {
    await this.#run(['sh', '-c', 'printf %s "$1" > "/data_cache/$0"', name, text]);
  }

  async list(): Promise<string[]> {
    return (await this.#run(['ls', '/data_cache'])).split(/\s+/).filter((name) => name !== '');
  }

  async remove(): Promise<void> {
    await this.#docker.getVolume(this.volume).remove();
  }

  async #run(command: string[]): Promise<string> {
    const container = await this.#docker.createContainer({
      Image: image,
      Cmd: command,
      Tty: true,
      HostConfig: { NetworkMode: 'none', Binds: [`${this.volume}:/data_cache`] },
    });
    try {
      await container.start();
      await container.wait();
      return (await container.logs({ stdout: true, follow: false })).toString();
    } finally {
      await container.remove({ force: true });
    }
  }
}
