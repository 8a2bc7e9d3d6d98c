// Errors about a job's content: refused entries, damaged archives, formats that are not accepted.
import { JobFailedError } from '../../job/errors.js';

/** An entry that is refused, and why. */
export interface Refusal {
  readonly name: string;
  readonly reason: string;
}

const mostListed = 20;
const longestName = 100;

/** Refuses the content as a whole. `code` gives the reason in one word, `message` in a sentence. */
export function contentRefused(code: string, message: string): JobFailedError {
  return new JobFailedError('content_refused', code, message);
}

/** Refuses the content because of its entries. Names the first ones and counts the rest. */
export function entriesRefused(refusals: readonly Refusal[]): JobFailedError {
  const listed = refusals.slice(0, mostListed).map(({ name, reason }) => `${quote(name)} (${reason})`);
  const more = refusals.length > mostListed ? ` and ${refusals.length - mostListed} more` : '';
  return contentRefused(
    'content_entries_refused',
    `Could not accept ${refusals.length === 1 ? 'an entry' : `${refusals.length} entries`} of \`content\`: ${listed.join(', ')}${more}. Leave them out of the archive.`,
  );
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
export function toContentError(error: unknown): Error {
  if (error instanceof JobFailedError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR' || message === 'Unexpected end of data') return truncated();
  if (code?.startsWith('Z_')) return damaged('its compressed bytes are damaged');
  if (/tar header|Invalid header|Header exceeds/.test(message))
    return damaged('it contains something that is not tar');
  return error as Error;
}

export function truncated(): JobFailedError {
  return contentRefused(
    'content_truncated',
    'Could not read `content`: the archive ends too early. It may have been cut off on its way; send it again.',
  );
}

export function damaged(why: string): JobFailedError {
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
