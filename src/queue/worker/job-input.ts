// Takes what was sent to the standard input, or a pipe, of a job that this node runs.
import type { JobInput } from '../../executor/input.js';
import type { ClaimKey } from '../../store/jobs/claim.js';
import type { Store } from '../../store/store.js';
import { openInput } from '../streams/sealed-input.js';
import { persist } from './fenced-recorder.js';
import type { InputBell } from './input-bell.js';

/** Of what waits, so much at a time: what is taken is lost with the node, and stays in its memory until the program has read it. */
const enoughBytes = 256 * 1024;

interface InputParts {
  readonly store: Pick<Store, 'takeInput'>;
  readonly sealKey: Buffer;
}

/** What is sent to a job that this node runs. A piece that cannot be opened was changed in the database: it is left out. */
export function jobInput(
  { store, sealKey }: InputParts,
  { claim, input }: { readonly claim: ClaimKey; readonly input: InputBell },
  pipe = '',
): JobInput {
  const bell = input.listen();
  const place = { jobId: claim.id, pipe };
  return {
    next: async (signal) => {
      while (!signal.aborted) {
        await bell.wait(signal);
        if (signal.aborted) return undefined;
        const taken = await persist(() => store.takeInput(claim, pipe, enoughBytes));
        if (sizeOf(taken) >= enoughBytes) bell.ring(); // There may be more.
        const pieces = taken.flatMap((sealed) => openInput(sealKey, place, sealed) ?? []);
        if (pieces.length > 0) return Buffer.concat(pieces);
      }
      return undefined;
    },
  };
}

function sizeOf(pieces: readonly Uint8Array[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
