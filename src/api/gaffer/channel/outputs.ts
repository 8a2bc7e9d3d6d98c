// Says what of a process a channel may read and write, by the labels that its job gave to its streams.

import { ChannelError } from './errors.js';

export type Stream = 'stdout' | 'stderr';

type Config = Readonly<Record<string, unknown>>;

/** The labels of stdout and stderr; what has none is not offered. */
export function labelsOf({ redirect_output: labels }: Config): readonly string[] {
  return Array.isArray(labels) ? (labels as string[]).slice(0, 2) : [];
}

/** The labels of pipes of its own. */
export function customLabelsOf({ custom_streams: labels }: Config): readonly string[] {
  return Array.isArray(labels) ? (labels as string[]) : [];
}

/** The streams that bear a label: both where they have the same. */
export function streamsOf(config: Config, label: string): ReadonlySet<Stream> {
  const [stdout, stderr] = labelsOf(config);
  return new Set([
    ...(stdout === label ? (['stdout'] as const) : []),
    ...(stderr === label ? (['stderr'] as const) : []),
  ]);
}

export interface Outputs {
  readonly reads: ReadonlySet<Stream>;
  readonly writes: boolean;
  /** What is read and written is this pipe; undefined: output and standard input. */
  readonly pipe?: string | undefined;
}

/** Throws `ChannelError`: `EPERM` for what is not redirected, `ENOENT` for a label that there is not. */
export function outputsOf(
  config: Config,
  { label, mode }: { readonly label: string | undefined; readonly mode: string },
): Outputs {
  if (!/^[123]$/.test(mode)) throw badMode();
  const [reads, writes] = [(Number(mode) & 1) > 0, (Number(mode) & 2) > 0];
  if (label !== undefined && customLabelsOf(config).includes(label))
    return { reads: new Set(reads ? ['stdout'] : []), writes, pipe: label };
  const [first] = labelsOf(config);
  if (label !== undefined && !labelsOf(config).includes(label))
    throw new ChannelError({
      error: 'ENOENT',
      errno: 404,
      details: 'No output of the process has this label.',
    });
  if (reads && first === undefined) throw notRedirected('redirect_output');
  if (writes && config['redirect_input'] !== true) throw notRedirected('redirect_input');
  return { reads: reads ? streamsOf(config, label ?? first ?? '') : new Set(), writes };
}

function badMode(): ChannelError {
  const details = 'Expected `mode` to be 1 (read), 2 (write) or 3 (both).';
  return new ChannelError({ error: 'bad_value', errno: 400, details });
}

function notRedirected(field: string): ChannelError {
  const details = `The job was loaded without \`${field}\`: load it with that, or choose another \`mode\`.`;
  return new ChannelError({ error: 'EPERM', errno: 403, details });
}
