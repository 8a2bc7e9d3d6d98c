// Bodies of a given size that no client sends, each heavy in a way of its own, and a valid one to compare with.
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

export interface HostileBody {
  readonly name: string;
  readonly body: () => Buffer;
}

/** `valid` is a submit of about this size that is accepted. */
export function hostileBodies(bytes: number, valid: object): HostileBody[] {
  const filled = (start: string, piece: string, end: string) => () => {
    const room = bytes - Buffer.byteLength(start) - Buffer.byteLength(end);
    return Buffer.from(start + piece.repeat(Math.floor(room / Buffer.byteLength(piece))) + end);
  };
  const shapes: readonly (readonly [string, () => Buffer])[] = [
    ['a valid job with content', () => Buffer.from(JSON.stringify(valid))],
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

/** A tar with one file, as `content` takes it. */
export async function archiveOf(file: Buffer): Promise<string> {
  const tar = pack();
  tar.entry({ name: 'file' }, file);
  tar.finalize();
  return `targz,${(await buffer(tar)).toString('base64')}`;
}

function namesOf(bytes: number): () => Buffer {
  return () => {
    const fields = Array.from({ length: Math.floor(bytes / 12) }, (_, index) => `"${index.toString(36)}":1`);
    return Buffer.from(`{${fields.join(',').slice(0, bytes - 8)}":1}`);
  };
}
