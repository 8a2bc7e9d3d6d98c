// Stores what a program writes to its pipes, masked, and gives it what was sent to them.
import { FencedError } from '../job/errors.js';
import type { OutputPart, ProgramPipe, RunningContainer } from './backend.js';
import { feedInput } from './input.js';
import type { OnFound } from './masking/found.js';
import { copyOutput, OutputCollector, type OutputState, type PartFilter } from './output.js';
import type { ExecutorParts, Run } from './run.js';
import type { FoundSecret } from './run-recorder.js';

/** What is stored of each pipe by a previous process. */
export type PipeStates = ReadonlyMap<string, OutputState>;

export interface Piping {
  readonly running: Pick<RunningContainer, 'pipes'>;
  /** A new one for each pipe. */
  readonly pipeFilter: () => PartFilter;
  /** What is already stored of them. */
  readonly pipesFrom?: PipeStates;
  readonly onFound: OnFound;
  readonly parts: ExecutorParts;
}

type PipedRun = Pick<Run, 'recorder' | 'stop' | 'input'>;

/** Of all pipes of a program, until it has ended. Resolves to what is wrong with what is stored; undefined: nothing. */
export async function copyPipes(run: PipedRun, piping: Piping): Promise<string | undefined> {
  const flaws = await Promise.all(piping.running.pipes.map((pipe) => copyPipe(run, pipe, piping)));
  return flaws.find((flaw) => flaw !== undefined);
}

async function copyPipe(
  run: PipedRun,
  pipe: ProgramPipe,
  { running, pipeFilter, pipesFrom, onFound, parts }: Piping,
): Promise<string | undefined> {
  const limitBytes = parts.options.outputLimitBytes / running.pipes.length;
  const append = (chunk: Parameters<PipedRun['recorder']['appendPipe']>[1]) =>
    run.recorder.appendPipe(pipe.name, chunk);
  const collector = new OutputCollector(append, limitBytes, pipesFrom?.get(pipe.name));
  const filter = pipeFilter();
  try {
    const onFoundInPipe = (found: readonly FoundSecret[]) =>
      onFound(found.map(({ name }) => ({ name, stream: 'pipe' })));
    await copyOutput(partsOf(pipe), filter, collector, onFoundInPipe).finally(() => collector.end());
    return filter.flaw;
  } catch (error) {
    if (error instanceof FencedError) run.stop.request('fenced');
    return 'pipe_broken';
  }
}

async function* partsOf({ output }: ProgramPipe): AsyncGenerator<OutputPart> {
  for await (const bytes of output) yield { stream: 'stdout', bytes };
}

/** Until it is disposed of. */
export function feedPipes({ input }: PipedRun, { running }: Pick<Piping, 'running'>): Disposable[] {
  return running.pipes.map((pipe) => feedInput(pipe, input?.(pipe.name)));
}
