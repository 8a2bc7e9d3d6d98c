// How much of the kernel's room for arguments and environment a program's start takes.

/** A quarter of the usual stack of 8 MiB. An engine may give jobs a larger stack; that is not relied on. */
const kernelBytes = 2 * 1024 * 1024;
/** For what engine and init process add: `PATH`, `HOSTNAME`, `HOME`, `TERM` and a few arguments. */
const reservedBytes = 4096;
/** Of each entry: the NUL behind it and the pointer to it. */
const bytesBesideEntry = 9;

export const longestStartBytes = kernelBytes - reservedBytes;

/** The sum of these lists of arguments and variables as Linux counts it. */
export function startBytes(...lists: readonly (readonly string[])[]): number {
  let sum = 0;
  for (const list of lists) for (const entry of list) sum += Buffer.byteLength(entry) + bytesBesideEntry;
  return sum;
}
