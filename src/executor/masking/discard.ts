// Drops the streams of a job that it sends to `/dev/null`, before anything of them is stored.
import type { OutputTargets } from '../../job/options/options.js';
import { nowhere } from '../../job/options/output-path.js';
import type { OutputPart } from '../backend.js';
import type { PartFilter } from '../output.js';

/** The bytes of such a stream are counted as printed, so that a process that resumes finds its place in the log. */
export function discard({ stdout, stderr }: OutputTargets, filter: PartFilter): PartFilter {
  const dropped = { stdout: stdout === nowhere, stderr: stderr === nowhere };
  if (!dropped.stdout && !dropped.stderr) return filter;
  return {
    push: (part) => (dropped[part.stream] ? emptied(part) : filter.push(part)),
    held: (stream) => (dropped[stream] ? 0 : filter.held(stream)),
    takeFound: () => filter.takeFound?.() ?? [],
    end: () => filter.end().filter(({ stream }) => !dropped[stream]),
    get flaw() {
      return filter.flaw;
    },
  };
}

function emptied({ stream }: OutputPart): OutputPart {
  return { stream, bytes: new Uint8Array() };
}
