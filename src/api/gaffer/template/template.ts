// What a loaded gaffer job keeps of its configuration, and the fields of the jobs that are its processes.

import { longestStartBytes } from '../../../job/check.js';
import { RefusedError } from '../../../job/errors.js';
import type { SpecFields } from '../../../job/job.js';
import type { ContainerOptions } from '../../../job/options/options.js';
import type { Flapping } from '../supervision/brake.js';
import { streamVariables } from './custom-streams.js';
import { substituteAll } from './substitute.js';

/** A loaded job. It is stored sealed: its environment may hold secrets. */
export interface Template {
  /** As it was loaded, for answers. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The words of `cmd`; where a shell runs it, the whole of it in one. */
  readonly program: readonly string[];
  readonly args: readonly string[];
  readonly shell: boolean;
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd?: string | undefined;
  readonly image: string;
  readonly options: ContainerOptions;
  /** How many processes there are to be after a start. */
  readonly numprocesses: number;
  /** A process that has ended is not started again. */
  readonly detach: boolean;
  /** What its processes read at Vault, by the login of the job; undefined: they have no identity there. */
  readonly secrets?: TemplateSecrets | undefined;
  /** Undefined: as the operator says. */
  readonly flapping?: Flapping | undefined;
}

export type TemplateSecrets = Pick<
  SpecFields,
  'secretRefs' | 'secretFileType' | 'continueOnWarnings' | 'registryRef'
>;

/** What one process has beyond its template. */
export interface Extra {
  readonly env?: readonly string[];
  readonly stopGraceMs?: number | undefined;
}

/** What a process of this template is started with. Throws `RefusedError` where its arguments become too long. */
export function launch(template: Template, extra: Extra = {}): SpecFields & { entrypoint: [string] } {
  const env = finalEnv(template, extra);
  const [program = '', ...rest] = template.shell ? shellWords(template) : plainWords(template, env);
  const { stopGraceMs = template.options.stopGraceMs } = extra;
  return {
    image: template.image,
    entrypoint: [program],
    command: rest,
    env: [...env, ...streamVariables(template.options)].map(([name, value]) => `${name}=${value}`),
    ...(template.cwd !== undefined && { workingDirectory: template.cwd }),
    ...template.secrets,
    options: { ...template.options, ...(stopGraceMs !== undefined && { stopGraceMs }) },
  };
}

/** Of a name that stands twice the last counts. */
export function finalEnv(template: Template, { env = [] }: Extra): ReadonlyMap<string, string> {
  return new Map(
    [...template.env, ...env].map((entry): [string, string] => {
      const equals = entry.indexOf('=');
      return [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

function plainWords({ program, args }: Template, env: ReadonlyMap<string, string>): string[] {
  const words = substituteAll([...program, ...args], env, longestStartBytes);
  if (words !== undefined) return words;
  throw new RefusedError(
    'invalid_request',
    `Expected \`args\` to take at most ${longestStartBytes} bytes with its variables, got more.`,
  );
}

/** Variables are the shell's business. The command stands as it is, so that it may be any line of a shell. */
function shellWords({ program, args }: Template): string[] {
  return ['/bin/sh', '-c', [...program, ...args.map(quoteForShell)].join(' ')];
}

function quoteForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;
}
