// Stores what clients send to the standard input or a pipe of a job, sealed, for the node that runs it.
import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import { isFinal } from '../../job/state.js';
import type { Store } from '../../store/store.js';
import { sealInput } from './sealed-input.js';

/** What may wait for one program, for all its pipes together: it may be slow to read, or not yet started. */
export const mostWaitingBytes = 4 * 1024 * 1024;

/** Stores a piece. Throws `RefusedError` `conflict` where the program will not read it, or too much waits already. */
export async function sendInput(
  { store, sealKey }: { readonly store: Pick<Store, 'addInput'>; readonly sealKey: Buffer },
  job: Job,
  { bytes, pipe = '' }: { readonly bytes: Uint8Array; readonly pipe?: string | undefined },
): Promise<void> {
  if (!reads(job, pipe))
    throw refused(
      pipe === ''
        ? 'The program of this job has no standard input.'
        : 'The program of this job has no such pipe.',
    );
  if (isFinal(job.state)) throw ended();
  const place = { jobId: job.id, pipe };
  const sealed = sealInput(sealKey, place, bytes);
  const stored = await store.addInput({ ...place, sealed }, mostWaitingBytes);
  if (stored === 'ended') throw ended();
  if (stored === 'full')
    throw refused(`The program has ${mostWaitingBytes} bytes to read already: send less, or later.`);
}

function reads({ options }: Job, pipe: string): boolean {
  return pipe === '' ? options.stdin === true : (options.pipes ?? []).includes(pipe);
}

function ended(): RefusedError {
  return refused('The program has ended or is being stopped: it reads nothing any more.');
}

function refused(message: string): RefusedError {
  return new RefusedError('conflict', message);
}
