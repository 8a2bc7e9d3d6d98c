// Masks the two output streams of a job.
import type { PartFilter } from '../output.js';
import type { SecretValues } from '../secrets.js';
import { createMask } from './mask.js';

/** Each stream has its own state, so a secret is found even when bytes of the other stream come in between. */
export function partMask(secrets: SecretValues): PartFilter {
  const mask = createMask(secrets);
  const streams = { stdout: mask.stream(), stderr: mask.stream() };
  return {
    push: (part) => ({ stream: part.stream, bytes: streams[part.stream].push(part.bytes) }),
    held: (stream) => streams[stream].held,
    end: () => [
      { stream: 'stdout', bytes: streams.stdout.end() },
      { stream: 'stderr', bytes: streams.stderr.end() },
    ],
  };
}
