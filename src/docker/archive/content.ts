// Reads `gostint.yml` out of a job's content.
import { readArchive } from './archive.js';
import type { ArchiveEntry } from './entry.js';
import { contentRefused } from './errors.js';
import type { ArchiveRules } from './rules.js';

const metadataFile = 'gostint.yml';

/**
 * Returns the text of an archive's `gostint.yml`; undefined where it has none. Always reads the archive to its end,
 * because refused entries are reported only there. Throws `JobFailedError` `content_refused`.
 */
export async function readContentMetadata(
  content: Uint8Array,
  rules: ArchiveRules,
): Promise<string | undefined> {
  let metadata: string | undefined;
  for await (const entry of readArchive(content, rules, metadataFile)) {
    if (entry.kind === 'file') metadata = await readText(entry, rules.limits.metadataBytes);
  }
  return metadata;
}

async function readText({ sizeBytes, body }: ArchiveEntry, limitBytes: number): Promise<string> {
  if (sizeBytes > limitBytes) throw metadataTooLarge(limitBytes);
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw contentRefused(
      'metadata_invalid',
      'Expected `gostint.yml` of the content to be UTF-8, got other bytes.',
    );
  }
}

function metadataTooLarge(limitBytes: number): Error {
  return contentRefused(
    'metadata_invalid',
    `Expected \`gostint.yml\` of the content to be at most ${limitBytes} bytes long, got more.`,
  );
}
