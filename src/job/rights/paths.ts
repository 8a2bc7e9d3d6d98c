// The virtual paths that Vault is asked for: nothing need be mounted there.

import type { OperatorArea, QueueName } from './rights.js';

/** Who may list it is asked about each queue in lists that name none. */
export function queuesPath(root: string): string {
  return `${root}/queues`;
}

/** Where the rights on the jobs of a queue are. */
export function queuePath(root: string, queue: QueueName): string {
  return queue === null ? `${root}/no-queue/jobs` : `${root}/queues/${segmentOf(queue)}/jobs`;
}

export function operatorPath(root: string, area: OperatorArea): string {
  return `${root}/operator/${area}`;
}

/**
 * The name of a queue as one segment of a path, in one form only: what is neither a letter or digit of ASCII nor `_`, `-` or `.`
 * is percent-encoded byte by byte, so that no name holds a slash or a wildcard. A name of dots is encoded whole; `~` stands
 * for the empty name, since a `~` of a name is encoded.
 */
function segmentOf(name: string): string {
  if (name === '') return '~';
  if (/^\.+$/.test(name)) return name.replaceAll('.', '%2E');
  return name.replaceAll(/[^\w.-]+/g, (odd) => encodeBytes(odd));
}

function encodeBytes(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
    .join('');
}
