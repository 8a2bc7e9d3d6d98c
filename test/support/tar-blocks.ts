// Header blocks of tar archives made by hand, for what no library writes.
const mark = { v7: '', ustar: 'ustar\x0000', gnu: 'ustar  \0' } as const;

/** What stands in one block; the rest of it is zeros. */
export interface BlockFields {
  readonly name?: string | Uint8Array;
  readonly type?: string;
  readonly size?: number | string;
  readonly mode?: number;
  readonly target?: string;
  readonly family?: keyof typeof mark;
  /** Further fields by their places. */
  readonly more?: Readonly<Record<number, string | Uint8Array>>;
  /** Some old programs sum up bytes as signed numbers. */
  readonly signedSum?: boolean;
}

/** A block with the checksum that belongs to it. */
export function headerBlock(fields: BlockFields): Buffer {
  const { name = 'a', type = '0', size = 0, mode = 0o644, target = '', family = 'ustar', more = {} } = fields;
  const block = Buffer.alloc(512);
  const put = (at: number, value: string | Uint8Array) => Buffer.from(value).copy(block, at);
  put(0, name);
  put(100, octal(mode, 8));
  put(124, typeof size === 'number' ? octal(size, 12) : size);
  put(136, octal(1_700_000_000, 12));
  put(156, type);
  put(157, target);
  put(257, mark[family]);
  for (const [at, value] of Object.entries(more)) put(Number(at), value);
  put(148, octal(sumOf(block, fields.signedSum === true), 8));
  return block;
}

function sumOf(block: Buffer, isSigned: boolean): number {
  const bytes = [...block].map((byte) => (isSigned && byte > 127 ? byte - 256 : byte));
  return bytes.reduce((sum, byte) => sum + byte, 8 * 32);
}

export function octal(value: number, length: number): string {
  return `${value.toString(8).padStart(length - 1, '0')}\0`;
}

/** What follows a header: the bytes, and zeros up to the end of the block. */
export function bodyBlocks(text: string | Uint8Array): Buffer {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytes, Buffer.alloc((512 - (bytes.byteLength % 512)) % 512)]);
}

/** Parts of an archive and its end mark. */
export function archiveOf(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}

/** An extended header of POSIX with these records. */
export function paxBlocks(records: readonly (readonly [key: string, value: string])[], type = 'x'): Buffer {
  const text = records.map(([key, value]) => paxRecord(` ${key}=${value}\n`)).join('');
  return Buffer.concat([headerBlock({ type, size: Buffer.byteLength(text) }), bodyBlocks(text)]);
}

/** A record begins with its own length, digits and all. */
function paxRecord(rest: string): string {
  const bytes = Buffer.byteLength(rest);
  const digits = String(bytes + String(bytes).length).length;
  return `${bytes + digits}${rest}`;
}
