// Errors about a job's content: refused entries, damaged archives, formats that are not accepted.
import { JobFailedError } from '../../job/errors.js';
import { TarCutOff, TarDamaged, TarHeadersTooLong } from '../tar/damaged.js';
import type { ArchiveLimits } from './rules.js';

const mostListed = 20;
const longestName = 100;

/** Refuses the content as a whole. `code` gives the reason in one word, `message` in a sentence. */
export function contentRefused(code: string, message: string): JobFailedError {
  return new JobFailedError('content_refused', code, message);
}

/** Collects refused entries: the first ones by name, the others are only counted. */
export class Refusals {
  readonly #listed: string[] = [];
  #count = 0;

  add(name: string, reason: string): void {
    if (++this.#count <= mostListed) this.#listed.push(`${quote(name)} (${reason})`);
  }

  throwIfAny(): void {
    if (this.#count === 0) return;
    const more = this.#count > mostListed ? ` and ${this.#count - mostListed} more` : '';
    throw contentRefused(
      'content_entries_refused',
      `Could not accept ${this.#count === 1 ? 'an entry' : `${this.#count} entries`} of \`content\`: ${this.#listed.join(', ')}${more}. Leave them out of the archive.`,
    );
  }
}

/** Names are untrusted and end up in lines that people read, so control characters and the like are escaped. */
function quote(name: string): string {
  const clipped = name.length > longestName ? `${name.slice(0, longestName)}…` : name;
  return JSON.stringify(clipped).replace(/[^\x20-\x7e…]/gu, (character) =>
    /[\p{L}\p{N}\p{P}\p{S}]/u.test(character) && character !== '\ufffd'
      ? character
      : `\\u{${character.codePointAt(0)?.toString(16)}}`,
  );
}

/** Translates what zlib and the tar reader throw for invalid bytes. Other errors come back unchanged. */
export function toContentError(error: unknown, limits: Pick<ArchiveLimits, 'headerBytes'>): Error {
  if (error instanceof JobFailedError) return error;
  if (error instanceof TarHeadersTooLong) return headersTooLong(limits);
  if (error instanceof TarDamaged) return damaged(error.message);
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof TarCutOff || code === 'Z_BUF_ERROR') return truncated();
  return code?.startsWith('Z_') ? damaged('its compressed bytes are damaged') : (error as Error);
}

function truncated(): JobFailedError {
  return contentRefused(
    'content_truncated',
    'Could not read `content`: the archive ends before its end mark. It may have been cut off on its way; send it again.',
  );
}

function headersTooLong({ headerBytes }: Pick<ArchiveLimits, 'headerBytes'>): JobFailedError {
  return contentRefused(
    'content_headers_too_long',
    `Expected the headers of one entry of \`content\` to be at most ${headerBytes} bytes, got more.`,
  );
}

function damaged(why: string): JobFailedError {
  return contentRefused(
    'content_damaged',
    `Could not read \`content\`: ${why}. Send a tar archive, plain or compressed with gzip.`,
  );
}

/** Formats that people send by mistake, by their first bytes. */
const otherFormats: readonly (readonly [name: string, start: readonly number[]])[] = [
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a]],
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['zip', [0x50, 0x4b, 0x03, 0x04]],
  ['7z', [0x37, 0x7a, 0xbc, 0xaf]],
];

/** Throws for formats that are known but not accepted, so that the sender gets a better message than "damaged". */
export function checkFormat(content: Uint8Array): void {
  const found = otherFormats.find(([, start]) => start.every((byte, index) => content[index] === byte));
  if (found === undefined) return;
  throw contentRefused(
    'content_format',
    `Expected \`content\` to be a tar archive, plain or compressed with gzip, got ${found[0]}.`,
  );
}
