// What gaffer jobs may ask for and stint does not do: it is refused by name.

import type { WireJob } from './wire.js';

/** One sentence each. */
export function findUnsupported(job: WireJob): string[] {
  const { custom_channels: channels = [] } = job;
  if (channels.length === 0) return [];
  return ['custom_channels is not supported: channels are open files of the original. Leave it out.'];
}
