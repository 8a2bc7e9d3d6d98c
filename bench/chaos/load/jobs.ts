// The mix of jobs that the load consists of, each with the end and the output that are expected of it.
import { createHash } from 'node:crypto';
import type { Expected } from '../history/history.js';
import type { Random } from './random.js';
import { withWitness } from './witness.js';

/** One kind of job in the load. */
export interface JobKind {
  readonly name: string;
  readonly weight: number;
  /** What it does between its first and its last line. */
  readonly script: string;
  readonly expected: Expected;
  /** Secret references, `NAME@PATH.KEY`. */
  readonly secretRefs: readonly string[];
}

/** The path of the secret that some jobs print. */
export const secretPath = 'kv/data/demo/chaos';

function kind(
  name: string,
  weight: number,
  more: Partial<Expected & Pick<JobKind, 'script' | 'secretRefs'>>,
): JobKind {
  const { script = ':', secretRefs = [], state = 'succeeded', exitCode = 0, body } = more;
  return { name, weight, script, secretRefs, expected: { kind: name, state, exitCode, body } };
}

const lineCount = 2_000;
const lines = Array.from({ length: lineCount }, (_, index) => `line ${index + 1} of a log\n`).join('');

/** Every byte is known beforehand, so that a gap or a repeat after a restart is found. */
const output = {
  script: `seq ${lineCount} | sed 's/.*/line & of a log/'`,
  body: lines,
};

const kinds: readonly [JobKind, ...JobKind[]] = [
  kind('quick', 35, { body: '' }),
  kind('exit 3', 15, { state: 'failed', exitCode: 3, body: '' }),
  kind('200 ms', 20, { script: 'usleep 200000', body: '' }),
  kind('output', 12, output),
  kind('dripping', 6, {
    script: 'for i in 1 2 3 4 5 6 7 8; do echo "drop $i"; usleep 150000; done',
    body: Array.from({ length: 8 }, (_, index) => `drop ${index + 1}\n`).join(''),
  }),
  kind('secret', 7, {
    script: `grep CHAOS /secrets.yml | sha256sum | cut -c1-8; grep CHAOS /secrets.yml`,
    secretRefs: [`CHAOS@${secretPath}.value`],
  }),
  kind('killed', 5, { script: 'sleep 25', state: 'canceled', exitCode: 143 }),
];

export function pickKind(random: Random): JobKind {
  return random.weighted(kinds);
}

/** The command of a job of this kind. */
export function commandOf({ script, expected }: JobKind, nonce: string): string[] {
  return ['sh', '-c', withWitness(nonce, script, expected.state === 'failed' ? expected.exitCode : 0)];
}

/** A text that identifies one job's output. */
export function nonceOf(seed: number, number: number): string {
  return createHash('sha256').update(`${seed} ${number}`).digest('hex').slice(0, 12);
}
