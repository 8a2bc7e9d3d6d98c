// What is stored of the pipes of a job that is continued.
import type { OutputState } from '../../executor/output.js';
import type { PipeStates } from '../../executor/pipes.js';
import type { ContainerOptions } from '../../job/options/options.js';
import type { Store } from '../../store/store.js';
import { persist } from './fenced-recorder.js';

interface Adopted {
  readonly id: string;
  readonly options: ContainerOptions | null;
}

/** Read after the new claim, as `readOutputState` is. */
export async function readPipeStates(
  { id, options }: Adopted,
  store: Pick<Store, 'readPipeChunks'>,
): Promise<PipeStates> {
  const states = new Map<string, OutputState>();
  if ((options?.pipes ?? []).length === 0) return states;
  for (const { name, seq, position, length } of await persist(() => store.readPipeChunks(id))) {
    const kept = [...(states.get(name)?.kept ?? []), { seq, length }];
    states.set(name, { seq: seq + 1, position: position + length, raw: undefined, kept });
  }
  return states;
}
