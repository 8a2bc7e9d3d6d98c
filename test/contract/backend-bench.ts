// What the contract of `Backend` needs of whoever runs it, and how its rules bring containers to run and read them.
import { randomUUID } from 'node:crypto';
import type {
  Backend,
  ContainerRequest,
  OutputPart,
  PreparedContainer,
  RunningContainer,
} from '../../src/executor/backend.js';
import type { Exit } from '../../src/job/outcome.js';
import type { Act } from '../support/fake-container.js';

/** A `Backend`, programs to run on it, and a check of what it leaves behind. */
export interface BackendBench extends AsyncDisposable {
  readonly backend: Backend;
  /** A backend whose engine is unavailable. */
  readonly unavailable: Backend;
  /** An image with this text as its `/gostint_image.yml`. */
  readonly describedImage: { readonly image: string; readonly metadata: string };
  /** The same text, found over links: a relative one, and a directory that is an absolute one. */
  readonly linkedImage: string;
  /** A request for a container in which these acts are played. */
  request(acts: readonly Act[], more?: Partial<ContainerRequest>): ContainerRequest;
  exists(containerId: string): Promise<boolean>;
  /** How many containers and job files there are at all. */
  countLeft(): Promise<number>;
}

export const lingering: readonly Act[] = [{ print: 'ready' }, { linger: 'until_told' }];

/** A signal that never fires. */
export function never(): AbortSignal {
  return new AbortController().signal;
}

/** A job that no test has had before. */
export function newClaim(): { jobId: string; fence: number } {
  return { jobId: randomUUID(), fence: 1 };
}

export async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('Expected a failure, got none.');
}

export async function startJob(
  container: PreparedContainer,
  secrets = 'TOKEN: x\n',
): Promise<RunningContainer> {
  await container.deliver(Buffer.from(secrets));
  return await container.start();
}

export async function readAll(
  output: AsyncIterable<OutputPart>,
): Promise<{ stdout: string; stderr: string }> {
  const bytes: Record<OutputPart['stream'], Uint8Array[]> = { stdout: [], stderr: [] };
  for await (const part of output) bytes[part.stream].push(Uint8Array.from(part.bytes));
  return { stdout: Buffer.concat(bytes.stdout).toString(), stderr: Buffer.concat(bytes.stderr).toString() };
}

/** In the required order: the output is read while the exit is awaited. */
export async function readToExit({ output, wait }: RunningContainer): Promise<Exit> {
  const [exit] = await Promise.all([wait(), readAll(output)]);
  return exit;
}

/** Reads until the program has printed this text, and leaves the rest unread. */
export async function readUntil(output: AsyncIterable<OutputPart>, text: string): Promise<void> {
  const iterator = output[Symbol.asyncIterator]();
  let seen = '';
  while (!seen.includes(text)) {
    const { done, value } = await iterator.next();
    if (done === true) throw new Error(`Expected the output to hold "${text}", got "${seen}".`);
    seen += Buffer.from(value.bytes).toString();
  }
}

export type Bench = () => BackendBench;

export async function prepare(
  bench: Bench,
  acts: readonly Act[],
  more?: Partial<ContainerRequest>,
): Promise<PreparedContainer> {
  return await bench().backend.prepare(bench().request(acts, more), never());
}
