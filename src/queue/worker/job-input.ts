// Takes what was sent to the standard input of a job that this node runs.
import type { JobInput } from '../../executor/input.js';
import type { ClaimKey } from '../../store/jobs/claim.js';
import type { Store } from '../../store/store.js';
import { openInput } from '../streams/sealed-input.js';
import { persist } from './fenced-recorder.js';
import type { InputBell } from './input-bell.js';

interface InputParts {
  readonly store: Pick<Store, 'takeInput'>;
  readonly sealKey: Buffer;
}

/** What is sent to a job that this node runs. A piece that cannot be opened was changed in the database: it is left out. */
export function jobInput(
  { store, sealKey }: InputParts,
  { claim, input: bell }: { readonly claim: ClaimKey; readonly input: InputBell },
): JobInput {
  return {
    next: async (signal) => {
      while (!signal.aborted) {
        await bell.wait(signal);
        if (signal.aborted) return undefined;
        const taken = await persist(() => store.takeInput(claim));
        const pieces = taken.flatMap((sealed) => openInput(sealKey, claim.id, sealed) ?? []);
        if (pieces.length > 0) return Buffer.concat(pieces);
      }
      return undefined;
    },
  };
}
