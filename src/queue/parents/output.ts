// Joins the output of a parent's children, as the output of the parent.
import type { Job } from '../../job/job.js';
import { isFinal } from '../../job/state.js';
import type { JobOutput } from '../queue.js';

const newline = 0x0a;
/** As much as one job may have stored by far: older children are left out of what is shown. */
const mostBytes = 64 * 1024 * 1024;

/**
 * The outputs of the children in their order; a line of ours names each, where there are several. The oldest are left out
 * when all together are too long, or when only the end was asked for.
 */
export async function joinOutputs(
  children: readonly Job[],
  read: (child: Job) => Promise<JobOutput>,
  tailBytes = mostBytes,
): Promise<JobOutput> {
  const outputs: JobOutput[] = [];
  let bytes = 0;
  for (const child of children.toReversed()) {
    if (bytes >= tailBytes) break;
    const output = await read(child);
    bytes += output.combined.length;
    outputs.unshift(children.length > 1 ? named(child, output) : output);
  }
  return joined(outputs, children.length - outputs.length);
}

function named(child: Job, output: JobOutput): JobOutput {
  const { stdout, stderr } = output;
  return { ...output, stdout, stderr, combined: Buffer.concat([lineOf(child), output.combined]) };
}

/** The line that names a child before its output. */
export function lineOf(child: Job): Uint8Array {
  const state = isFinal(child.state) ? child.state : 'not ended';
  return Buffer.from(`[stint: job ${child.id}, ${state}]\n`);
}

function joined(outputs: readonly JobOutput[], leftOut: number): JobOutput {
  const flaw = outputs.find(({ complete }) => !complete);
  return {
    combined: Buffer.concat(
      outputs.flatMap(({ combined }, index) => [endOfLine(outputs[index - 1]?.combined.at(-1)), combined]),
    ),
    stdout: Buffer.concat(outputs.map(({ stdout }) => stdout)),
    stderr: Buffer.concat(outputs.map(({ stderr }) => stderr)),
    droppedBytes: outputs.reduce((sum, { droppedBytes }) => sum + droppedBytes, 0),
    complete: flaw === undefined && leftOut === 0,
    incompleteReason: flaw?.incompleteReason ?? (leftOut > 0 ? 'children_left_out' : undefined),
  };
}

/** The line that names a child begins at the start of a line. `last`: the byte before it. */
export function endOfLine(last: number | undefined): Uint8Array {
  return Buffer.from(last === undefined || last === newline ? '' : '\n');
}
