// Writes the output of a job to the files that it asked for, before its end is recorded.
import type { Execution } from '../../executor/run.js';
import type { Job } from '../../job/job.js';
import { nowhere } from '../../job/options/output-path.js';
import type { Store } from '../../store/store.js';
import type { JobOutput } from '../queue.js';
import { assembleOutput } from '../service/output-text.js';
import { persist } from '../worker/fenced-recorder.js';
import type { WorkerLog } from '../worker/worker-log.js';
import { type Target, writeOutputFile } from './write.js';

export interface OutputFileParts {
  readonly store: Pick<Store, 'findJob' | 'readOutput'>;
  /** Undefined: no files are written. */
  readonly outputRoot?: string | undefined;
  readonly log: Pick<WorkerLog, 'error'>;
}

/** A file system that hangs must not keep the job's end from being recorded. */
const longestWriteMs = 30_000;

/**
 * Before the end is recorded: if the process dies in between, the next one finds the job unfinished, and writes again. What
 * could not be written is a flaw of the output.
 */
export async function writeJobFiles(
  parts: OutputFileParts,
  jobId: string,
  execution: Execution,
): Promise<Execution> {
  const { outputRoot: root, store, log } = parts;
  if (root === undefined || execution.outcome.kind === 'postponed') return execution;
  const found = await persist(() => store.findJob(jobId, { everyone: true }));
  if (found === undefined || Object.keys(found.job.options.output ?? {}).length === 0) return execution;
  try {
    await within(longestWriteMs, writeAll(store, found.job, root));
    return execution;
  } catch (error) {
    log.error('could not write the output files of a job', { jobId, error });
    const flaw = execution.output.flaw ?? 'output_file_not_written';
    return { ...execution, output: { ...execution.output, flaw } };
  }
}

async function writeAll(store: OutputFileParts['store'], job: Job, root: string): Promise<void> {
  const chunks = await persist(() => store.readOutput(job.id, undefined));
  const output = assembleOutput(chunks, { complete: true, flaw: undefined, hasEnded: true });
  for (const { path, bytes, ending } of filesOf(job, output)) {
    const target: Target = { root, path, nameInDirectory: `${job.id}.${ending}` };
    if (!path.startsWith(root === '/' ? '/' : `${root}/`))
      throw new Error(`Expected ${path} to be below ${root}.`);
    await writeOutputFile(target, bytes);
  }
}

interface OutputFile {
  readonly path: string;
  readonly ending: string;
  readonly bytes: Uint8Array;
}

/** Two streams that share a file are written in the order of their arrival. */
function filesOf({ options }: Job, { stdout, stderr, combined }: JobOutput): OutputFile[] {
  const { stdout: out, stderr: err } = options.output ?? {};
  if (out !== undefined && out === err && !out.endsWith('/') && out !== nowhere)
    return [{ path: out, ending: 'out', bytes: combined }];
  return [
    { path: out, ending: 'out', bytes: stdout },
    { path: err, ending: 'err', bytes: stderr },
  ].flatMap(({ path, ...rest }) => (path === undefined || path === nowhere ? [] : [{ path, ...rest }]));
}

async function within(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The files were not written within ${ms / 1000} s.`)), ms);
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
