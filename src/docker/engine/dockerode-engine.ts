// Implements `Engine` on the HTTP API of Docker.
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import type Docker from 'dockerode';
import type { RegistryLogin } from '../../executor/backend.js';
import { engineTime } from './clock.js';
import { type Dial, openDial } from './dial.js';
import type { Engine, EngineConnection, LogReading, NetworkOptions, PullStep } from './engine.js';
import { type EngineError, isFault, toEngineError } from './errors.js';
import {
  type DistributionAnswer,
  type ImageAnswer,
  processColumns,
  type TopAnswer,
  toContainerFacts,
  toCpuTime,
  toDigest,
  toEngineState,
  toEngineVersion,
  toFoundImage,
  toListedContainer,
  toListedImage,
  toListedProcesses,
  toPathFacts,
} from './facts.js';
import { keepsApart } from './networks.js';
import { readJsonLines, toPullStep } from './pull-steps.js';
import { hasKill, toRememberedEnd } from './remembered-end.js';

/** Longest waits for an answer in milliseconds, by the kind of request. */
const askMs = 10_000;
const changeMs = 60_000;
const uploadMs = 300_000;
/** Added to the grace time of the container. */
const stopMarginMs = 15_000;

/** The engine at `unix:///path` or `tcp://host:port`. Sends no request yet. */
export async function connectEngine(host: string): Promise<Engine> {
  return new DockerodeEngine(await openDial(host));
}

class DockerodeEngine implements Engine {
  readonly #dial: Dial;
  /** Set by the first list of processes that was not empty. */
  #listsProcesses = false;
  /** How many more starts are followed by a try: an engine behind a filter may never list any. */
  #triesToList = 20;

  constructor(dial: Dial) {
    this.#dial = dial;
  }

  async version() {
    const request = { method: 'GET', path: '/version', limitMs: askMs } as const;
    return toEngineVersion(await this.#dial.ask<Docker.DockerVersion>('version', request));
  }

  async info() {
    return toEngineState(await this.#dial.ask('info', { method: 'GET', path: '/info', limitMs: askMs }));
  }

  async hasNetwork(name: string) {
    const path = `/networks/${encodeURIComponent(name)}`;
    const asked = this.#dial.ask('network', { method: 'GET', path, limitMs: askMs });
    return (await unlessFault(asked, 'network_missing')) !== undefined;
  }

  async findNetwork(name: string) {
    const path = `/networks/${encodeURIComponent(name)}`;
    const asked = this.#dial.ask<Docker.NetworkInspectInfo>('network', {
      method: 'GET',
      path,
      limitMs: askMs,
    });
    const found = await unlessFault(asked, 'network_missing');
    return found && { keepsApart: keepsApart(found.Driver, found.Options ?? {}) };
  }

  async createNetwork(body: NetworkOptions) {
    const request = { method: 'POST', path: '/networks/create', limitMs: changeMs } as const;
    await this.#dial.ask('make_network', { ...request, body });
  }

  async findImage(reference: string) {
    const path = `/images/${reference}/json`;
    const asked = this.#dial.ask<ImageAnswer>('image', { method: 'GET', path, limitMs: askMs });
    const found = await unlessFault(asked, 'image_missing');
    return found && toFoundImage(found);
  }

  /** A refusal comes inside an answer with status 200, and is seen by the image that is missing then. */
  async loadImage(file: Readable) {
    const query = { quiet: true };
    await this.#dial.list('load', { method: 'POST', path: '/images/load', query, file, limitMs: changeMs });
  }

  async listImages() {
    const request = { method: 'GET', path: '/images/json', limitMs: askMs } as const;
    return (await this.#dial.ask<Docker.ImageInfo[]>('images', request)).map(toListedImage);
  }

  async removeImage(idOrName: string) {
    const request = { method: 'DELETE', path: `/images/${idOrName}`, limitMs: changeMs } as const;
    try {
      await unlessFault(this.#dial.ask('remove_image', request), 'image_missing');
      return true;
    } catch (error) {
      if (isFault(error, 'image_in_use')) return false;
      throw error;
    }
  }

  async imagesInUse() {
    const request = {
      method: 'GET',
      path: '/containers/json',
      query: { all: true },
      limitMs: askMs,
    } as const;
    const listed = await this.#dial.ask<Docker.ContainerInfo[]>('list', request);
    return new Set(listed.map(({ ImageID: id }) => id));
  }

  /** The first byte comes only after the registry has answered, so the caller sets the time limits. */
  async *pull(reference: string, signal: AbortSignal, login?: RegistryLogin): AsyncIterable<PullStep> {
    const query = { fromImage: reference };
    const request = { method: 'POST', path: '/images/create', query, image: reference, login } as const;
    const answer = await this.#dial.stream('pull', { ...request, limitMs: undefined, signal });
    try {
      for await (const line of readJsonLines(answer)) yield toPullStep(line);
    } catch (error) {
      throw signal.aborted ? signal.reason : toEngineError('pull', error);
    }
    signal.throwIfAborted();
  }

  /** The engine waits for the registry, so the caller sets the time limits. */
  async resolve(reference: string, signal: AbortSignal, login?: RegistryLogin) {
    const path = `/distribution/${reference}/json`;
    const request = { method: 'GET', path, image: reference, login, limitMs: undefined, signal } as const;
    return toDigest(await this.#dial.ask<DistributionAnswer>('resolve', request));
  }

  async create(name: string, body: object) {
    const request = { method: 'POST', path: '/containers/create', limitMs: changeMs } as const;
    const { Id: id } = await this.#dial.ask<{ Id: string }>('create', { ...request, query: { name }, body });
    return id;
  }

  async findContainer(idOrName: string) {
    const request = { method: 'GET', path: `/containers/${idOrName}/json`, limitMs: askMs } as const;
    const asked = this.#dial.ask<Docker.ContainerInspectInfo>('inspect', request);
    const found = await unlessFault(asked, 'container_missing');
    return found && toContainerFacts(found);
  }

  async listContainers(label: string) {
    const query = { all: true, filters: { label: [label] } };
    const request = { method: 'GET', path: '/containers/json', query, limitMs: askMs } as const;
    return (await this.#dial.ask<Docker.ContainerInfo[]>('list', request)).map(toListedContainer);
  }

  async upload(id: string, file: Readable, signal?: AbortSignal) {
    const request = { method: 'PUT', path: `/containers/${id}/archive`, query: { path: '/' } } as const;
    let sourceError: unknown;
    file.once('error', (error) => {
      sourceError = error;
    });
    try {
      await this.#dial.ask('upload', { ...request, file, limitMs: uploadMs, signal });
    } catch (error) {
      throw sourceError ?? error; // An error in the content is not the engine's fault.
    } finally {
      file.destroy(); // An engine that refuses in the middle does not read the rest.
    }
  }

  async findFile(id: string, path: string) {
    const request = { method: 'GET', path: `/containers/${id}/archive`, query: { path } } as const;
    return await unlessFault(
      this.#dial.stream('download', { ...request, limitMs: changeMs }),
      'file_missing',
    );
  }

  async findPath(id: string, path: string) {
    const request = { method: 'HEAD', path: `/containers/${id}/archive`, query: { path } } as const;
    const asked = this.#dial.stream('look', { ...request, limitMs: askMs });
    const answer = await unlessFault(asked, 'file_missing', 'broken');
    answer?.resume(); // Without a body, but the connection is free only when it was read.
    return answer && toPathFacts((answer as IncomingMessage).headers['x-docker-container-path-stat']);
  }

  /** Without hijacking the connection: that would disable the abort signal, and only input would need it. */
  async attach(id: string) {
    const query = { stream: true, stdout: true, stderr: true };
    const request = { method: 'POST', path: `/containers/${id}/attach`, query, limitMs: askMs } as const;
    return await this.#dial.stream('attach', request);
  }

  async start(id: string) {
    await this.#dial.ask('start', { ...post(id, 'start'), limitMs: changeMs });
    this.#learnToList(id);
  }

  async write(id: string, bytes: Uint8Array, signal: AbortSignal) {
    const query = { stream: true, stdin: true };
    const path = `/containers/${id}/attach`;
    await this.#dial.write('write', { method: 'POST', path, query, limitMs: changeMs, signal }, bytes);
  }

  async wait(id: string, signal: AbortSignal) {
    await this.#dial.ask('wait', { ...post(id, 'wait'), limitMs: undefined, signal });
  }

  async readLog(id: string) {
    const query = { stdout: true, stderr: true };
    const request = { method: 'GET', path: `/containers/${id}/logs`, query, limitMs: changeMs } as const;
    return await this.#dial.stream('logs', request);
  }

  async openLog(id: string, { follow, timestamps, signal }: LogReading) {
    const query = { stdout: true, stderr: true, follow, timestamps };
    const request = {
      method: 'GET',
      path: `/containers/${id}/logs`,
      query,
      limitMs: changeMs,
      signal,
    } as const;
    return await this.#dial.stream('logs', request);
  }

  async recallEnd(id: string, connection: EngineConnection) {
    const events = await this.#listEvents(id, ['die', 'kill'], { until: await engineTime(this), connection });
    return toRememberedEnd(events);
  }

  async wasKilled(id: string, until: Date) {
    return hasKill(await this.#listEvents(id, ['kill'], { until, connection: 'any' }));
  }

  /** `until` is rounded up to the next millisecond, so that no event is missed. The engine would wait until a later time. */
  async #listEvents(
    id: string,
    event: readonly string[],
    { until, connection }: { until: Date; connection: EngineConnection },
  ) {
    const time = ((until.getTime() + 1) / 1_000).toFixed(3);
    const query = { since: 0, until: time, filters: { container: [id], event } };
    return await this.#dial.list('events', {
      method: 'GET',
      path: '/events',
      query,
      limitMs: askMs,
      connection,
    });
  }

  /**
   * The engine runs `ps` on its host for this; only the numbers are the cheapest. containerd 2 says that there is no such task,
   * containerd 1.6 lists no process. Where engine and runtime do not see each other's processes every list is empty, so that
   * counts only at an engine that has listed some.
   */
  async hasTask(id: string) {
    const query = { ps_args: '-eo pid' };
    const request = { method: 'GET', path: `/containers/${id}/top`, query, limitMs: askMs } as const;
    const found = await unlessFault(this.#dial.ask<TopAnswer>('top', request), 'task_missing');
    const hasProcess = (found?.Processes?.length ?? 0) > 0;
    this.#listsProcesses ||= hasProcess;
    return found !== undefined && (hasProcess || !this.#listsProcesses);
  }

  /** A container that was just started has a process, mostly. Nobody waits for this: it only prepares a later look. */
  #learnToList(id: string): void {
    if (this.#listsProcesses || this.#triesToList === 0) return;
    this.#triesToList--;
    void this.hasTask(id).catch(() => undefined);
  }

  async cpuTime(id: string) {
    const query = { stream: false, 'one-shot': true };
    const request = { method: 'GET', path: `/containers/${id}/stats`, query, limitMs: askMs } as const;
    return toCpuTime(await this.#dial.ask<Docker.ContainerStats>('stats', request));
  }

  async stop(id: string, graceMs: number) {
    const query = { t: Math.ceil(graceMs / 1000) };
    const limitMs = graceMs + stopMarginMs;
    const asked = this.#dial.ask('stop', { ...post(id, 'stop'), query, limitMs });
    await unlessFault(asked, 'already', 'not_running', 'container_missing', 'being_removed');
  }

  async kill(id: string) {
    const asked = this.#dial.ask('kill', { ...post(id, 'kill'), limitMs: askMs });
    await unlessFault(asked, 'not_running', 'container_missing', 'being_removed');
  }

  async signal(id: string, signal: number) {
    try {
      await this.#dial.ask('signal', { ...post(id, 'kill'), query: { signal }, limitMs: askMs });
      return true;
    } catch (error) {
      if (isFault(error, 'not_running', 'container_missing', 'being_removed')) return false;
      throw error;
    }
  }

  async processes(id: string) {
    const query = { ps_args: processColumns };
    const request = { method: 'GET', path: `/containers/${id}/top`, query, limitMs: askMs } as const;
    return toListedProcesses(await this.#dial.ask<TopAnswer>('processes', request));
  }

  async remove(id: string) {
    const query = { force: true, v: true };
    const request = { method: 'DELETE', path: `/containers/${id}`, query, limitMs: changeMs } as const;
    await unlessFault(this.#dial.ask('remove', request), 'container_missing');
  }

  close() {
    this.#dial.close();
  }
}

function post(id: string, verb: string): { method: 'POST'; path: string } {
  return { method: 'POST', path: `/containers/${id}/${verb}` };
}

/** Some refusals only report a state: what we want is already so, or the thing does not exist. Those give undefined. */
async function unlessFault<T>(asked: Promise<T>, ...faults: EngineError['fault'][]): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isFault(error, ...faults)) return undefined;
    throw error;
  }
}
