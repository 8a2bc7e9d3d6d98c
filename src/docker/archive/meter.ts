// Enforces the limits on size, entries, headers and time while an archive is unpacked.
import type { Member } from '../tar/members.js';
import { contentRefused } from './errors.js';
import type { ArchiveLimits } from './rules.js';

/** Throws `content_refused` as soon as a limit is exceeded. */
export class ArchiveMeter {
  readonly #limits: ArchiveLimits;
  readonly #compressedBytes: number;
  readonly #startedAt = performance.now();
  #plainBytes = 0;
  #entries = 0;
  /** Bytes that are written to the container but are not in the archive: holes, and copies for hard links. */
  #grownBytes = 0;

  constructor(limits: ArchiveLimits, compressedBytes: number) {
    this.#limits = limits;
    this.#compressedBytes = compressedBytes;
    if (compressedBytes > limits.compressedBytes) throw tooLarge('compressed', limits.compressedBytes);
  }

  /** Called with every unpacked chunk, before it is parsed. */
  count(chunk: Uint8Array): void {
    this.#plainBytes += chunk.byteLength;
    this.#checkSize(this.#plainBytes);
    this.checkTime();
  }

  /** Called with every member before its body is read. */
  enter({ end, holeBytes }: Pick<Member, 'end' | 'holeBytes'>): void {
    if (++this.#entries > this.#limits.entries)
      throw contentRefused(
        'content_too_many_entries',
        `Expected \`content\` to hold at most ${this.#limits.entries} entries, got more. Pack them into one file inside it.`,
      );
    if (end > this.#limits.plainBytes) throw tooLarge('unpacked', this.#limits.plainBytes);
    this.grow(holeBytes);
  }

  /** Called for bytes that are written beyond those in the archive. */
  grow(bytes: number): void {
    this.#grownBytes += bytes;
    this.#checkSize(this.#plainBytes);
  }

  checkTime(): void {
    if (performance.now() - this.#startedAt > this.#limits.timeMs) throw tooSlow(this.#limits.timeMs);
  }

  #checkSize(plainBytes: number): void {
    const { plainBytes: limit, ratio, ratioFreeBytes } = this.#limits;
    const written = plainBytes + this.#grownBytes;
    if (written > limit) throw tooLarge('unpacked', limit);
    if (written > ratioFreeBytes && written > ratio * this.#compressedBytes) throw tooDense(ratio);
  }
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
