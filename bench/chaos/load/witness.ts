// Lets a job print when it began and ended, and reads that from its output.

/** What a job printed about itself. */
export interface JobWitness {
  readonly nonce: string;
  /** Seconds since the machine was started. */
  readonly from: number;
  /** Undefined where the last line is missing. */
  readonly to: number | undefined;
  /** What is between the first and the last line. */
  readonly body: string;
}

/** Puts a first and a last line around a script, so that the job itself reports when it ran. */
export function withWitness(nonce: string, script: string, exitCode = 0): string {
  const line = (word: string) => `echo "${word} ${nonce} $(cut -d' ' -f1 /proc/uptime)"`;
  return `${line('begin')}\n${script}\n${line('end')}\nexit ${exitCode}`;
}

/** Undefined where the job did not print its first line. */
export function readWitness(output: string): JobWitness | undefined {
  const begun = /^begin ([0-9a-f]+) ([\d.]+)\n/.exec(output);
  const [first, nonce, from] = begun ?? [];
  if (first === undefined || nonce === undefined) return undefined;
  const rest = output.slice(first.length);
  const ended = new RegExp(`end ${nonce} ([\\d.]+)\n$`).exec(rest);
  const body = ended === null ? rest : rest.slice(0, ended.index);
  return { nonce, from: Number(from), to: ended === null ? undefined : Number(ended[1]), body };
}
