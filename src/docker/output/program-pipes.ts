// The named pipes of a job: made on this host, in a volume of its container.
import { execFile } from 'node:child_process';
import { chown, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProgramPipe } from '../../executor/backend.js';
import type { ContainerOptions, UserId } from '../../job/options/options.js';
import { pipesDirectory } from '../../job/options/pipes.js';
import type { ContainerFacts } from '../engine/engine.js';
import { startFailed } from '../program/start-errors.js';
import { OpenPipe } from './program-pipe.js';

const makeMs = 10_000;

/** Of a job without pipes it is empty. */
export class ProgramPipes implements Disposable {
  readonly list: readonly ProgramPipe[];
  readonly #open: readonly OpenPipe[];

  constructor(open: readonly OpenPipe[] = [], broken: readonly string[] = []) {
    this.#open = open;
    this.list = [...open, ...broken.map(brokenPipe)];
  }

  /** The container has ended. */
  end(): void {
    for (const pipe of this.#open) pipe.end();
  }

  [Symbol.dispose](): void {
    for (const pipe of this.#open) pipe[Symbol.dispose]();
  }
}

/**
 * Makes the pipes of a container that was not started, and opens them. They go with its anonymous volume. What its content put
 * in their place is removed. Throws `JobFailedError` `pipes_unsupported` where the volumes of the engine are not on this host.
 */
export async function makePipes(
  found: ContainerFacts | undefined,
  { pipes: names = [], user }: ContainerOptions,
): Promise<ProgramPipes> {
  if (names.length === 0) return new ProgramPipes();
  try {
    const directory = directoryOf(found);
    const paths = names.flatMap((name) => [join(directory, `${name}.in`), join(directory, `${name}.out`)]);
    await Promise.all(paths.map((path) => rm(path, { recursive: true, force: true })));
    await promisify(execFile)('mkfifo', ['-m', user === 'image' ? '666' : '600', '--', ...paths], {
      timeout: makeMs,
    });
    if (user !== 'image') await Promise.all(paths.map((path) => give(path, user)));
    return await openAll(directory, names);
  } catch {
    throw pipesUnsupported();
  }
}

/** Undefined: 2001:2001. Nobody knows the numbers of the user that an image names, so everybody in it may use them. */
async function give(path: string, { uid, gid }: UserId = { uid: 2001, gid: 2001 }): Promise<void> {
  await chown(path, uid, gid);
}

/** Those of a container that another process started. Pipes that cannot be opened any more say so when they are read. */
export async function reopenPipes(found: ContainerFacts, names: readonly string[]): Promise<ProgramPipes> {
  if (names.length === 0) return new ProgramPipes();
  try {
    return await openAll(directoryOf(found), names);
  } catch {
    return new ProgramPipes([], names);
  }
}

async function openAll(directory: string, names: readonly string[]): Promise<ProgramPipes> {
  const open: OpenPipe[] = [];
  try {
    for (const name of names) open.push(await OpenPipe.open(directory, name));
    return new ProgramPipes(open);
  } catch (error) {
    for (const pipe of open) pipe[Symbol.dispose]();
    throw error;
  }
}

function directoryOf(found: ContainerFacts | undefined): string {
  const mount = found?.mounts.find(({ target }) => target === pipesDirectory);
  if (mount === undefined) throw new Error('The container has no volume for pipes.');
  return mount.source;
}

function brokenPipe(name: string): ProgramPipe {
  return {
    name,
    output: { [Symbol.asyncIterator]: () => ({ next: unreadable }) },
    write: async () => undefined,
  };
}

async function unreadable(): Promise<never> {
  throw new Error('This pipe could not be opened again.');
}

/** Where the engine does not share our file system, nothing can be given to a program by a pipe. */
export function refusePipes({ pipes = [] }: ContainerOptions): void {
  if (pipes.length > 0) throw pipesUnsupported();
}

function pipesUnsupported() {
  return startFailed(
    'pipes_unsupported',
    'Could not make the pipes of the job: the engine of this node does not share its volumes with stint, or the node has no `mkfifo` (coreutils).',
  );
}
