// Records an engine's events about jobs' containers, across restarts of the engine.
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { connectDocker } from '../../../rig/engine/docker.js';
import type { EngineEvent } from './history.js';

const actions = ['create', 'start', 'die', 'destroy'] as const;
const pauseMs = 50;

/** Listens from before the first job until it is disposed of. */
export class EngineEvents implements AsyncDisposable {
  readonly events: EngineEvent[] = [];
  readonly #name: string;
  readonly #dockerHost: string;
  readonly #over = new AbortController();
  readonly #known = new Set<string>();
  #since = Date.now();
  #listening: Promise<void> = Promise.resolve();

  private constructor(name: string, dockerHost: string) {
    this.#name = name;
    this.#dockerHost = dockerHost;
  }

  static listen(name: string, dockerHost: string): EngineEvents {
    const listener = new EngineEvents(name, dockerHost);
    listener.#listening = listener.#listen();
    return listener;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    while (!this.#over.signal.aborted) {
      await this.#listenOnce().catch(() => undefined); // The engine may be down: that is one of the faults.
      await delay(pauseMs);
    }
  }

  /** Asks for missed events too: an engine keeps its latest events until it is stopped. */
  async #listenOnce(): Promise<void> {
    const filters = { type: ['container' as const], event: [...actions], label: ['stint.job'] };
    const since = Math.floor(this.#since / 1000); // Repeated events are recognized by their line.
    const stream = await connectDocker(this.#dockerHost).getEvents({ since, filters });
    const end = () => (stream as Readable).destroy();
    this.#over.signal.addEventListener('abort', end, { once: true });
    const lines = createInterface({ input: stream }).on('line', (line) => this.#take(line));
    lines.on('error', () => undefined); // It passes on the stream's error, which is awaited below.
    await finished(stream).catch(() => undefined);
    this.#over.signal.removeEventListener('abort', end);
  }

  #take(line: string): void {
    if (line === '' || this.#known.has(line)) return;
    this.#known.add(line);
    const { Action, Actor, timeNano } = JSON.parse(line) as EngineLine;
    const action = actions.find((each) => each === Action);
    const { 'stint.job': jobId, exitCode } = Actor.Attributes;
    if (action === undefined || jobId === undefined) return;
    const at = timeNano / 1e6;
    this.#since = Math.max(this.#since, Math.floor(at));
    const code = exitCode === undefined ? undefined : Number(exitCode);
    this.events.push({ engine: this.#name, action, jobId, containerId: Actor.ID, exitCode: code, at });
  }
}

interface EngineLine {
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly timeNano: number;
}
