// Opens the output of a job for an answer: whole where it is short, else to be read in pieces.
import type { Job } from '../../job/job.js';
import { isFinal } from '../../job/state.js';
import type { StoredJob } from '../../store/jobs/reads.js';
import type { Store } from '../../store/store.js';
import type { OutputBatch } from '../../store/streams/output-batches.js';
import { endOfLine, joinOutputs, lineOf } from '../parents/output.js';
import type { LongOutput, OpenedOutput, OutputStream } from '../queue.js';
import { assembleOutput } from '../service/output-text.js';
import { outputPieces, type ReadBatches } from './long-output.js';

type OutputStore = Pick<Store, 'readOutputBatch' | 'readOutputSizes'>;

/** The output of one batch is short: most are, and cost one read. */
export async function openOutput(store: OutputStore, found: StoredJob): Promise<OpenedOutput> {
  const { job, outputComplete: complete, outputFlaw: flaw } = found;
  const first = await store.readOutputBatch(job.id, -1);
  const hasEnded = isFinal(job.state);
  if (first.isLast) return { whole: assembleOutput(first.chunks, { complete, flaw, hasEnded }) };
  const { dropped } = await store.readOutputSizes([job.id]);
  return { long: longOf(store, job, first, { droppedBytes: dropped, incompleteReason: flaw }) };
}

function longOf(
  store: OutputStore,
  job: Job,
  first: OutputBatch | undefined,
  facts: Omit<LongOutput, 'pieces'>,
): LongOutput {
  const hasEnded = isFinal(job.state);
  return { ...facts, pieces: (which) => outputPieces(batchesOf(store, job.id, first), which, hasEnded) };
}

function batchesOf(store: OutputStore, jobId: string, first: OutputBatch | undefined): ReadBatches {
  return async function* () {
    let batch = first ?? (await store.readOutputBatch(jobId, -1));
    for (;;) {
      yield batch.chunks;
      if (batch.isLast) return;
      batch = await store.readOutputBatch(jobId, batch.lastSeq);
    }
  };
}

/** What the children of a parent may have printed for a whole answer. */
const shortBytes = 256 * 1024;

/** The outputs of the children in their order, with a line of ours before each. `find` reads what is stored of one. */
export async function openParentOutput(
  store: OutputStore,
  children: readonly Job[],
  find: (child: Job) => Promise<StoredJob>,
): Promise<OpenedOutput> {
  const { bytes, dropped } = await store.readOutputSizes(children.map(({ id }) => id));
  if (bytes <= shortBytes) {
    const read = async (child: Job) => {
      const { outputComplete: complete, outputFlaw: flaw } = await find(child);
      const { chunks } = await store.readOutputBatch(child.id, -1);
      return assembleOutput(chunks, { complete, flaw, hasEnded: isFinal(child.state) });
    };
    return { whole: await joinOutputs(children, read) };
  }
  let flaw: string | undefined;
  for (const child of children) flaw ??= flawOf(await find(child));
  const pieces = (which: OutputStream) => piecesOf(store, children, which);
  return { long: { droppedBytes: dropped, incompleteReason: flaw, pieces } };
}

function flawOf({ outputComplete, outputFlaw }: StoredJob): string | undefined {
  return outputComplete ? undefined : outputFlaw;
}

async function* piecesOf(
  store: OutputStore,
  children: readonly Job[],
  which: OutputStream,
): AsyncGenerator<Uint8Array> {
  let last: number | undefined;
  const isNamed = which === 'combined' && children.length > 1;
  for (const child of children) {
    if (which === 'combined') yield endOfLine(last);
    if (isNamed) yield lineOf(child);
    if (isNamed) last = lineOf(child).at(-1);
    for await (const piece of outputPieces(
      batchesOf(store, child.id, undefined),
      which,
      isFinal(child.state),
    )) {
      last = piece.at(-1) ?? last;
      yield piece;
    }
  }
}
