// Bodies of a given size that no client sends, each heavy in a way of its own, and valid ones to compare with.
import { randomBytes } from 'node:crypto';
import type { GostintClient } from '../demo/gostint-client.js';
import { archiveOf, fillingArchives } from './hostile-archives.js';

export interface HostileBody {
  readonly name: string;
  /** What makes a submit of it, where it is one that may be accepted. */
  readonly fields?: ((client: GostintClient, wrapper: object) => Promise<object>) | undefined;
  /** `fields` are what `fields` has made. */
  readonly body: (fields: object) => Buffer;
}

/** All have about this size, but for the compressed archive. */
export function hostileBodies(bytes: number): HostileBody[] {
  const archiveBytes = Math.floor((bytes - 4096) / 4) * 3 - 4096;
  const taken: readonly (readonly [string, NonNullable<HostileBody['fields']>])[] = [
    ['a valid job with content', async () => ({ content: await archiveOf(randomBytes(archiveBytes)) })],
    ['a ciphertext', async () => ({ payload: `vault:v1:${randomBytes(archiveBytes).toString('base64')}` })],
    // Encrypted and in a cubbyhole, as GoStint's clients send it, it is more than half as large as what Vault takes.
    ['a payload with content', (client, wrapper) => payloadIn(client, wrapper, Math.floor(bytes / 2.1))],
    ...fillingArchives(archiveBytes).map(
      ([name, archive]) => [name, async () => ({ content: await archive() })] as const,
    ),
  ];
  const bodies = taken.map(([name, fields]) => ({
    name,
    fields,
    body: (found: object) => Buffer.from(JSON.stringify(found)),
  }));
  return [...bodies, ...refusedBodies(bytes)];
}

async function payloadIn(client: GostintClient, wrapper: object, bytes: number): Promise<object> {
  return await client.prepare({ ...wrapper, content: await archiveOf(randomBytes(bytes)) });
}

function refusedBodies(bytes: number): HostileBody[] {
  const filled = (start: string, piece: string, end: string) => () => {
    const room = bytes - Buffer.byteLength(start) - Buffer.byteLength(end);
    return Buffer.from(start + piece.repeat(Math.floor(room / Buffer.byteLength(piece))) + end);
  };
  const shapes: readonly (readonly [string, () => Buffer])[] = [
    ['a list of numbers', filled('{"run":[', '0,', '0]}')],
    ['a list of empty texts', filled('{"run":[', '"",', '""]}')],
    ['a list of empty lists', filled('{"run":[', '[],', '[]]}')],
    ['lists in lists', filled('{"run":', '[', '')],
    ['objects in objects', filled('', '{"a":', '')],
    ['many names', namesOf(bytes)],
    ['one long name', filled('{"', 'a', '":1}')],
    ['one long number', filled('{"run":1', '0', '}')],
    ['blanks', filled('{', ' ', '}')],
    ['escaped quotes', filled('{"content":"', '\\"', '"}')],
    ['escaped characters', filled('{"content":"', '\\u0061', '"}')],
    ['line breaks in content', filled('{"content":"targz,', '\\n', '"}')],
    ['characters of two bytes', filled('{"container_image":"', 'ж', '"}')],
    ['a text with one emoji', filled('{"container_image":"😀', 'a', '"}')],
    ['a long queue name', filled('{"qname":"', 'a', '"}')],
    ['a path of slashes', filled('{"wrap_secret_id":"s.x","cubby_token":"s.x","cubby_path":"', '/', '"}')],
    ['a reference of dots', filled('{"secret_refs":["a@', '.', '"]}')],
    ['variables without a name', filled('{"env_vars":[', `"${'a'.repeat(8000)}",`, '""]}')],
    ['references that are none', filled('{"secret_refs":[', `"${'a@'.repeat(4000)}",`, '""]}')],
    ['bytes that are no UTF-8', () => Buffer.alloc(bytes, 0xff)],
  ];
  return shapes.map(([name, body]) => ({ name, body }));
}

function namesOf(bytes: number): () => Buffer {
  return () => {
    const fields = Array.from({ length: Math.floor(bytes / 12) }, (_, index) => `"${index.toString(36)}":1`);
    return Buffer.from(`{${fields.join(',').slice(0, bytes - 8)}":1}`);
  };
}
