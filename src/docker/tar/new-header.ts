// Encodes the header of a member that we write: ustar, with an extended header of POSIX for what it has no room for.
import { padded } from './byte-reader.js';
import { blockBytes, sumOf } from './header.js';

export interface NewHeader {
  readonly name: string;
  readonly kind: 'file' | 'directory' | 'link';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Of a file. */
  readonly sizeBytes?: number;
  readonly modifiedAt: Date;
  /** Of a link. */
  readonly target?: string | undefined;
}

const types = { file: '0', link: '2', directory: '5' } as const;
/** For names and targets. */
const roomBytes = 100;
const largestSize = 8 ** 11 - 1;
const largestId = 8 ** 7 - 1;
const zero = 48;

/** One block, or three and more where an extended header stands before it. */
export function encodeHeader(header: NewHeader): Buffer {
  const { name, kind, uid, gid, sizeBytes = 0, target = '' } = header;
  const records = [
    ...(fits(name) ? [] : [record('path', name)]),
    ...(fits(target) ? [] : [record('linkpath', target)]),
    ...(sizeBytes <= largestSize ? [] : [record('size', `${sizeBytes}`)]),
    ...(uid <= largestId ? [] : [record('uid', `${uid}`)]),
    ...(gid <= largestId ? [] : [record('gid', `${gid}`)]),
  ];
  const block = toBlock(header, types[kind]);
  if (records.length === 0) return block;
  const body = Buffer.from(records.join(''));
  return Buffer.concat(
    [toBlockBefore(header, body.length), body, Buffer.alloc(padded(body.length) - body.length), block],
    2 * blockBytes + padded(body.length),
  );
}

/** The header of an extended header. Field by field: see `toMember`. */
function toBlockBefore({ mode, uid, gid, modifiedAt }: NewHeader, sizeBytes: number): Buffer {
  return toBlock({ name: 'PaxHeader', kind: 'file', mode, uid, gid, sizeBytes, modifiedAt, target: '' }, 'x');
}

/** Some readers take a name in the header for one of their own country unless it is ASCII. */
function fits(text: string): boolean {
  return text.length <= roomBytes && /^[ -~]*$/.test(text);
}

/** Its length, in decimal digits, counts itself. */
function record(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const bytes = Buffer.byteLength(rest);
  const length = bytes + `${bytes + `${bytes}`.length}`.length;
  return `${length}${rest}`;
}

function toBlock(
  { name, mode, uid, gid, sizeBytes = 0, modifiedAt, target = '' }: NewHeader,
  type: string,
): Buffer {
  const block = Buffer.allocUnsafe(blockBytes).fill(0); // Out of a larger one: there may be 100,000 of them.
  block.write(name, 0, roomBytes);
  writeOctal(block, mode, 100, 7);
  writeOctal(block, Math.min(uid, largestId), 108, 7);
  writeOctal(block, Math.min(gid, largestId), 116, 7);
  writeOctal(block, Math.min(sizeBytes, largestSize), 124, 11);
  writeOctal(block, Math.floor(modifiedAt.getTime() / 1000), 136, 11);
  block.write(type, 156);
  block.write(target, 157, roomBytes);
  block.write('ustar\x0000', 257);
  writeOctal(block, sumOf(block).sum, 148, 6);
  return block;
}

/** A NUL follows: the block is zeros. Digit by digit, as they are read. */
function writeOctal(block: Buffer, value: number, at: number, digits: number): void {
  let rest = value;
  for (let place = at + digits - 1; place >= at; place--) {
    block[place] = zero + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}
