// A started container: its output, its exit, and how it is stopped.
import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import type { OutputPart, RunningContainer } from '../../executor/backend.js';
import type { JobFailedError } from '../../job/errors.js';
import type { Exit } from '../../job/outcome.js';
import type { Engine } from '../engine/engine.js';
import { EngineError, isFault } from '../engine/errors.js';
import type { OutputWatch } from '../output/output.js';
import type { ProgramPipes } from '../output/program-pipes.js';
import { startErrorUnseen } from '../program/start-errors.js';
import type { StartMessage } from '../program/start-messages.js';
import {
  endedBeforeKill,
  endedByEngine,
  isForgedByKill,
  killedDoubt,
  wasEndedByEngine,
} from './engine-end.js';
import { type WatchedExit, withLateReason } from './exit.js';
import { findGoneTask, goneTaskExit, type LookTimes } from './gone-task.js';
import { InitFailure } from './init-failure.js';

/** How long to wait for the output of an ended container before its exit is judged without the whole output. */
const outputWaitMs = 5_000;
/** From a stop or kill that the engine carried out until it reports the container's end. */
const stopWaitMs = 5_000;
const killWaitMs = 15_000;

export interface RunningParts {
  readonly engine: Engine;
  readonly id: string;
  readonly exit: Promise<WatchedExit>;
  readonly output: (watch: OutputWatch) => AsyncIterable<OutputPart>;
  readonly pipes?: ProgramPipes;
  /** What was to be started; undefined where nobody knows it any more. */
  readonly program?: string | undefined;
  /** Makes an error of what was said about a command that could not be started. */
  readonly explain?: (message: StartMessage) => Promise<JobFailedError>;
  /** A test makes them shorter. */
  readonly lookTimes?: LookTimes;
}

/** Watches a container that was started. Its output may be read once. */
export function watchRunning(parts: RunningParts): RunningContainer {
  const initFailure = new InitFailure(parts.program);
  let noteStreamEnd: (() => void) | undefined;
  const streamEnded = new Promise<void>((resolve) => {
    noteStreamEnd = resolve;
  });
  let outputParts = 0;
  const watched = exitOrGone(parts, () => outputParts);
  watched.catch(() => undefined); // Avoids an unhandled rejection when nothing waits for it.
  endWith(parts);
  let isStopped = false;
  return {
    output: parts.output({
      see: (part: OutputPart) => {
        outputParts++;
        initFailure.see(part);
      },
      onStreamEnd: () => noteStreamEnd?.(),
    }),
    wait: async () => {
      const exit = await watched;
      if (exit === 'gone') return goneTaskExit;
      const { exitCode } = exit.exit;
      if (!isStopped && (await wasEndedByEngine(parts, exit)) && !isStopped) throw endedByEngine(exitCode);
      if (await isForgedByKill(parts, exit)) return { ...exit.exit, proven: false, doubt: killedDoubt };
      const known = isStopped ? exit.exit : await withLateReason(parts.engine, parts.id, exit.exit);
      return await judgeExit(known, { ...parts, initFailure, streamEnded });
    },
    ports: async () => (await parts.engine.findContainer(parts.id))?.ports ?? [],
    write: inputOf(parts),
    pipes: parts.pipes?.list ?? [],
    cpuTimeMs: () => parts.engine.cpuTime(parts.id),
    stop: async (graceMs) => {
      isStopped = true;
      await stopContainer(parts, graceMs);
    },
  };
}

/** Nobody in the container has its pipes open any more once it has ended, or is not known to run. */
function endWith({ exit, pipes }: RunningParts): void {
  const end = () => pipes?.end();
  exit.then(end, end);
}

/** What a program that has ended did not read is lost, as with any pipe. */
function inputOf({ engine, id, exit }: RunningParts): RunningContainer['write'] {
  const over = new AbortController();
  const end = () => over.abort();
  exit.then(end, end);
  return async (bytes) => {
    await setImmediate(); // One that has ended is not asked for.
    try {
      if (!over.signal.aborted) await engine.write(id, bytes, over.signal);
    } catch (error) {
      if (over.signal.aborted || isFault(error, 'not_running', 'container_missing', 'being_removed')) return;
      throw error;
    }
  };
}

/**
 * A container that the runtime has forgotten is killed: only then the engine lets go of it. An end from before the kill is the
 * container's own: some engines had only not been told of it.
 */
async function exitOrGone(parts: RunningParts, outputParts: () => number): Promise<WatchedExit | 'gone'> {
  const { engine, id, exit, lookTimes: times } = parts;
  const over = new AbortController();
  const end = () => over.abort();
  exit.then(end, end);
  const gone = findGoneTask({ engine, id, outputParts, over: over.signal, times });
  if ((await Promise.race([exit, gone])) !== true) return await exit;
  await engine.kill(id).catch(() => undefined); // The removal tries again.
  const late = await Promise.race([
    exit.catch(() => undefined),
    delay(killWaitMs, undefined, { ref: false }),
  ]);
  const isKnown = late !== undefined && (await endedBeforeKill(parts, late));
  return isKnown ? late : 'gone';
}

interface Judging extends Pick<RunningParts, 'explain'> {
  readonly initFailure: InitFailure;
  readonly streamEnded: Promise<void>;
}

/** Throws `JobFailedError` `start_failed` when the container ran but its command could not. */
async function judgeExit(exit: Exit, { explain, initFailure, streamEnded }: Judging): Promise<Exit> {
  if (!initFailure.isPossible(exit.exitCode)) return exit;
  await Promise.race([streamEnded, delay(outputWaitMs, undefined, { ref: false })]);
  const message = initFailure.read(exit.exitCode);
  if (message === undefined) return exit;
  throw explain === undefined ? startErrorUnseen(message) : await explain(message);
}

/** Returns when the engine says that the container has ended, or that it no longer knows it. */
async function stopContainer({ engine, id, exit }: RunningParts, graceMs: number): Promise<void> {
  const ended = exit.then((): true => true, unlessEngineFailed);
  await engine.stop(id, graceMs).catch(() => undefined); // If the engine fails, the kill that follows throws.
  if (await within(stopWaitMs, ended)) return;
  await engine.kill(id);
  if (!(await within(killWaitMs, ended))) throw new EngineError('kill', 'timed_out', '');
}

/** A container that was removed has ended; an engine that is unavailable says nothing about it. */
function unlessEngineFailed(error: unknown): true {
  if (error instanceof EngineError) throw error;
  return true;
}

async function within(limitMs: number, ended: Promise<true>): Promise<boolean> {
  return await Promise.race([ended, delay(limitMs, false, { ref: false })]);
}
