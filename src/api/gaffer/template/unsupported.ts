// What gaffer jobs may ask for and stint does not do: it is refused by name.

import type { WireJob } from './wire.js';

/** One sentence each. */
export function findUnsupported(job: WireJob): string[] {
  const { custom_streams: streams = [], custom_channels: channels = [] } = job;
  return [
    ...(streams.length > 0
      ? [unsupported('custom_streams', 'a process has stdin, stdout and stderr only')]
      : []),
    ...(channels.length > 0
      ? [unsupported('custom_channels', 'channels are open files of the original')]
      : []),
  ];
}

function unsupported(field: string, why: string): string {
  return `${field} is not supported: ${why}. Leave it out.`;
}
