// Masks the two output streams of a job.
import type { PartFilter } from '../output.js';
import type { FoundSecret } from '../run-recorder.js';
import type { Mask, MaskStream } from './mask.js';

type Streams = Readonly<Record<'stdout' | 'stderr', Pick<MaskStream, 'takeFound'>>>;

function found(streams: Streams): FoundSecret[] {
  return (['stdout', 'stderr'] as const).flatMap((stream) =>
    streams[stream].takeFound().map((name) => ({ name, stream })),
  );
}

/** Each stream has its own state, so a secret is found even when bytes of the other stream come in between. */
export function partMask(mask: Mask): PartFilter {
  const streams = { stdout: mask.stream(), stderr: mask.stream() };
  return {
    push: (part) => ({ stream: part.stream, bytes: streams[part.stream].push(part.bytes) }),
    held: (stream) => streams[stream].held,
    takeFound: () => found(streams),
    end: () => [
      { stream: 'stdout', bytes: streams.stdout.end() },
      { stream: 'stderr', bytes: streams.stderr.end() },
    ],
  };
}
