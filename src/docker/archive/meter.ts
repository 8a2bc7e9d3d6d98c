// Enforces the limits on size, entries, headers and time while an archive is unpacked.
import { contentRefused, damaged } from './errors.js';
import type { ArchiveLimits } from './rules.js';

/**
 * Allowance for bytes that the reader has taken but not parsed yet: one chunk of the decompressor and a little more.
 */
const inFlight = 128 * 1024;
const blockBytes = 512;

/** Throws `content_refused` as soon as a limit is exceeded. */
export class ArchiveMeter {
  readonly #limits: ArchiveLimits;
  readonly #compressedBytes: number;
  readonly #startedAt = performance.now();
  #plainBytes = 0;
  #trailingZeros = 0;
  #entries = 0;
  /** Where the last entry ends, including its padding. */
  #end = 0;

  constructor(limits: ArchiveLimits, compressedBytes: number) {
    this.#limits = limits;
    this.#compressedBytes = compressedBytes;
    if (compressedBytes > limits.compressedBytes) throw tooLarge('compressed', limits.compressedBytes);
  }

  /** Called with every unpacked chunk, before it is parsed. */
  count(chunk: Uint8Array): void {
    this.#plainBytes += chunk.byteLength;
    const zeros = countTrailingZeros(chunk);
    this.#trailingZeros = zeros === chunk.byteLength ? this.#trailingZeros + zeros : zeros;
    this.#checkSize();
    if (performance.now() - this.#startedAt > this.#limits.timeMs) throw tooSlow(this.#limits.timeMs);
  }

  /** Called with every header: where it ends in the unpacked bytes, and how long the body is that follows. */
  enter(headerEnd: number, sizeBytes: number): void {
    if (headerEnd - this.#end > this.#limits.headerBytes) throw headersTooLong(this.#limits);
    if (++this.#entries > this.#limits.entries)
      throw contentRefused(
        'content_too_many_entries',
        `Expected \`content\` to hold at most ${this.#limits.entries} entries, got more. Pack them into one file inside it.`,
      );
    this.#end = headerEnd + Math.ceil(sizeBytes / blockBytes) * blockBytes;
    if (this.#end > this.#limits.plainBytes) throw tooLarge('unpacked', this.#limits.plainBytes);
  }

  /** Called at the end. A tar ends with blocks of zeros; without them a part of it is missing. */
  finish(): void {
    if (this.#plainBytes === 0) throw damaged('it is empty');
    if (this.#plainBytes - this.#end < blockBytes || this.#trailingZeros < blockBytes) throw cutOff();
  }

  #checkSize(): void {
    const { plainBytes, ratio, ratioFreeBytes, headerBytes } = this.#limits;
    const plain = this.#plainBytes;
    if (plain > plainBytes) throw tooLarge('unpacked', plainBytes);
    if (plain > ratioFreeBytes && plain > ratio * this.#compressedBytes) throw tooDense(ratio);
    // Headers without an entry: the reader would collect them in memory without end.
    if (plain - this.#end - this.#trailingZeros > headerBytes + inFlight) throw headersTooLong(this.#limits);
  }
}

function countTrailingZeros(chunk: Uint8Array): number {
  let index = chunk.byteLength;
  while (index > 0 && chunk[index - 1] === 0) index--;
  return chunk.byteLength - index;
}

function tooLarge(what: string, limit: number): Error {
  return contentRefused(
    'content_too_large',
    `Expected \`content\` to be at most ${limit} bytes ${what}, got more.`,
  );
}

function tooDense(ratio: number): Error {
  return contentRefused(
    'content_too_dense',
    `Expected \`content\` to unpack to at most ${ratio} times its size, got more: it looks like a decompression bomb.`,
  );
}

function tooSlow(limitMs: number): Error {
  return contentRefused(
    'content_too_slow',
    `Could not read \`content\` within ${limitMs / 1000} seconds. Make it smaller.`,
  );
}

function headersTooLong({ headerBytes }: ArchiveLimits): Error {
  return contentRefused(
    'content_headers_too_long',
    `Expected the headers of one entry of \`content\` to be at most ${headerBytes} bytes, got more.`,
  );
}

function cutOff(): Error {
  return contentRefused(
    'content_truncated',
    'Could not read `content`: the archive ends without its end mark. It may have been cut off; send it again.',
  );
}
