// The program of a sandbox, which sleeps for ever: no image that an engine surely has contains one.

/** What an engine calls its processor, to the program for it. */
const programs: Readonly<
  Record<string, { readonly platform: string; readonly machine: number; readonly code: string }>
> = {
  x86_64: {
    platform: 'amd64',
    machine: 62,
    code: 'b822000000 0f05 ebf7', // mov eax, 34 (pause); syscall; jmp to the beginning
  },
};

/** A program, and the name of its processor in images. */
export interface PauseProgram {
  readonly platform: string;
  readonly bytes: Buffer;
}

/**
 * For the processor of an engine, as `info` names it; undefined where there is none for it. An executable of 64 bits as the ELF
 * specification has it (System V ABI, chapters 4 and 5): header, one segment, code.
 */
export function pauseProgram(architecture: string): PauseProgram | undefined {
  const found = programs[architecture];
  if (found === undefined) return undefined;
  const { platform, machine } = found;
  const code = Buffer.from(found.code.replaceAll(' ', ''), 'hex');
  const bytes = Buffer.alloc(codeAt + code.length);
  writeHeader(bytes, machine);
  writeSegment(bytes);
  bytes.set(code, codeAt);
  return { platform, bytes };
}

const headerBytes = 64;
const segmentBytes = 56;
const codeAt = headerBytes + segmentBytes;
/** Where it lies in memory. */
const base = 0x400000n;

function writeHeader(bytes: Buffer, machine: number): void {
  bytes.write('\x7fELF\x02\x01\x01', 0, 'latin1'); // 64 bits, little-endian, version 1.
  bytes.writeUInt16LE(2, 16); // Executable.
  bytes.writeUInt16LE(machine, 18);
  bytes.writeUInt32LE(1, 20);
  bytes.writeBigUInt64LE(base + BigInt(codeAt), 24); // Entry.
  bytes.writeBigUInt64LE(BigInt(headerBytes), 32); // The table of segments follows.
  bytes.writeUInt16LE(headerBytes, 52);
  bytes.writeUInt16LE(segmentBytes, 54);
  bytes.writeUInt16LE(1, 56);
}

function writeSegment(bytes: Buffer): void {
  const size = BigInt(bytes.length);
  bytes.writeUInt32LE(1, headerBytes); // Loaded.
  bytes.writeUInt32LE(5, headerBytes + 4); // Read and executed, never written.
  bytes.writeBigUInt64LE(base, headerBytes + 16);
  bytes.writeBigUInt64LE(base, headerBytes + 24);
  bytes.writeBigUInt64LE(size, headerBytes + 32);
  bytes.writeBigUInt64LE(size, headerBytes + 40);
  bytes.writeBigUInt64LE(0x1000n, headerBytes + 48);
}
