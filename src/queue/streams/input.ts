// Stores what clients send to the standard input of a job, sealed, for the node that runs it.
import { RefusedError } from '../../job/errors.js';
import type { Job } from '../../job/job.js';
import { isFinal } from '../../job/state.js';
import type { Store } from '../../store/store.js';
import { sealInput } from './sealed-input.js';

/** What may wait for one program: it may be slow to read, or not yet started. */
export const mostWaitingBytes = 4 * 1024 * 1024;

/** Stores a piece. Throws `RefusedError` `conflict` where the program will not read it, or too much waits already. */
export async function sendInput(
  { store, sealKey }: { readonly store: Pick<Store, 'addInput'>; readonly sealKey: Buffer },
  job: Job,
  bytes: Uint8Array,
): Promise<void> {
  if (job.options.stdin !== true) throw refused('The program of this job has no standard input.');
  if (isFinal(job.state)) throw ended();
  const stored = await store.addInput(job.id, sealInput(sealKey, job.id, bytes), mostWaitingBytes);
  if (stored === 'ended') throw ended();
  if (stored === 'full')
    throw refused(`The program has ${mostWaitingBytes} bytes to read already: send less, or later.`);
}

function ended(): RefusedError {
  return refused('The program has ended or is being stopped: it reads nothing any more.');
}

function refused(message: string): RefusedError {
  return new RefusedError('conflict', message);
}
