// Reads from the head of a program the loader that it needs.

const magic = 0x7f454c46;
const interpreterKind = 3;

/** Undefined for a static program, for what is none, and where it stands further back. */
export function readLoader(head: Buffer): string | undefined {
  try {
    return head.readUInt32BE(0) === magic ? loaderOf(head) : undefined;
  } catch {
    return undefined; // Its headers point out of what we have of it.
  }
}

function loaderOf(head: Buffer): string | undefined {
  const is64 = head[4] === 2;
  const read = readerOf(head, head[5] === 2);
  const tableAt = is64 ? read(32, 8) : read(28, 4);
  const entryBytes = read(is64 ? 54 : 42, 2);
  const count = read(is64 ? 56 : 44, 2);
  for (let at = tableAt; at < tableAt + count * entryBytes; at += entryBytes) {
    if (read(at, 4) !== interpreterKind) continue;
    const from = is64 ? read(at + 8, 8) : read(at + 4, 4);
    const size = is64 ? read(at + 32, 8) : read(at + 16, 4);
    return from + size > head.length ? undefined : head.toString('latin1', from, from + size - 1);
  }
  return undefined;
}

/** Reads whole numbers in the program's own order of bytes. */
function readerOf(head: Buffer, isBigEndian: boolean): (at: number, bytes: 2 | 4 | 8) => number {
  return (at, bytes) => {
    if (bytes === 8) return Number(isBigEndian ? head.readBigUInt64BE(at) : head.readBigUInt64LE(at));
    return isBigEndian ? head.readUIntBE(at, bytes) : head.readUIntLE(at, bytes);
  };
}
