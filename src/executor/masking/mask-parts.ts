import type { PartFilter } from '../output.js';
import type { SecretValues } from '../secrets.js';
import { createMask } from './mask.js';

/** Masks both streams of a job, each with a memory of its own: a secret is never split over two streams. */
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
