import { setTimeout as delay } from 'node:timers/promises';
import type { OutputPart, RunningContainer } from '../../executor/backend.js';
import type { Exit } from '../../job/outcome.js';
import type { Engine } from '../engine/engine.js';
import { EngineError } from '../engine/errors.js';
import type { OutputWatch } from '../output/output.js';
import { endedByEngine, wasEndedByEngine } from './engine-end.js';
import type { WatchedExit } from './exit.js';
import { InitComplaint } from './init-complaint.js';

/** How long an ended container's output is waited for, before its end is judged without having seen it. */
const outputWaitMs = 5_000;
/** Between a stop or a kill that was carried out and the news that the container has ended. */
const stopWaitMs = 5_000;
const killWaitMs = 15_000;

export interface RunningParts {
  readonly engine: Engine;
  readonly id: string;
  readonly exit: Promise<WatchedExit>;
  readonly output: (watch: OutputWatch) => AsyncIterable<OutputPart>;
}

/** A container that was started. Its output may be read once. */
export function watchRunning(parts: RunningParts): RunningContainer {
  const complaint = new InitComplaint();
  let noteLineEnd: (() => void) | undefined;
  const lineEnded = new Promise<void>((resolve) => {
    noteLineEnd = resolve;
  });
  parts.exit.catch(() => undefined); // Nobody may be waiting when it fails.
  let isStopped = false;
  return {
    output: parts.output({
      see: (part: OutputPart) => complaint.see(part),
      onLineEnd: () => noteLineEnd?.(),
    }),
    wait: async () => {
      const watched = await parts.exit;
      const { exitCode } = watched.exit;
      if (!isStopped && (await wasEndedByEngine(parts, watched)) && !isStopped) throw endedByEngine(exitCode);
      return await judgeExit(watched.exit, complaint, lineEnded);
    },
    stop: async (graceMs) => {
      isStopped = true;
      await stopContainer(parts, graceMs);
    },
  };
}

/** Throws `JobFailedError` `start_failed` when the container ran but its command could not. */
async function judgeExit(exit: Exit, complaint: InitComplaint, lineEnded: Promise<void>): Promise<Exit> {
  if (exit.exitCode === 126 || exit.exitCode === 127) {
    await Promise.race([lineEnded, delay(outputWaitMs, undefined, { ref: false })]);
    const error = complaint.toError(exit.exitCode);
    if (error !== undefined) throw error;
  }
  return exit;
}

/** Returns when the engine says that the container has ended, or that it does not know it any more. */
async function stopContainer({ engine, id, exit }: RunningParts, graceMs: number): Promise<void> {
  const over = exit.then((): true => true, unlessGone);
  await engine.stop(id, graceMs).catch(() => undefined); // The kill that follows says what is wrong.
  if (await within(stopWaitMs, over)) return;
  await engine.kill(id);
  if (!(await within(killWaitMs, over))) throw new EngineError('kill', 'timed_out', '');
}

/** A container that was removed has ended; an engine that is away says nothing about it. */
function unlessGone(error: unknown): true {
  if (error instanceof EngineError) throw error;
  return true;
}

async function within(limitMs: number, over: Promise<true>): Promise<boolean> {
  return await Promise.race([over, delay(limitMs, false, { ref: false })]);
}
