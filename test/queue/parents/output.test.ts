import { expect, test } from 'vitest';
import { joinOutputs } from '../../../src/queue/parents/output.js';
import { newJob, outputOf } from '../../support/fake-queue.js';

const [first, second, third] = [
  newJob({ state: 'failed', reason: 'exit_code' }),
  newJob({ state: 'succeeded' }),
  newJob({ state: 'running' }),
];
const texts = new Map([
  [first.id, outputOf('one\n')],
  [second.id, outputOf('two', { stdoutText: 't', stderrText: 'wo' })],
  [third.id, outputOf('three\n', { complete: false, incompleteReason: 'node_lost' })],
]);
const read = async ({ id }: { readonly id: string }) => texts.get(id) ?? outputOf('');

test('the output of the only child is that of its parent, byte for byte', async () => {
  expect(await joinOutputs([second], read)).toEqual(outputOf('two', { stdoutText: 't', stderrText: 'wo' }));
});

test('a line names each of several children, at the start of a line, and is on neither stream', async () => {
  const { combined, stdout, stderr, complete, incompleteReason } = await joinOutputs(
    [first, second, third],
    read,
  );
  expect(Buffer.from(combined).toString()).toBe(
    `[stint: job ${first.id}, failed]\none\n[stint: job ${second.id}, succeeded]\ntwo\n[stint: job ${third.id}, not ended]\nthree\n`,
  );
  expect(Buffer.from(stdout).toString()).toBe('one\ntthree\n');
  expect(Buffer.from(stderr).toString()).toBe('wo');
  expect([complete, incompleteReason]).toEqual([false, 'node_lost']);
});

test('where only the end is asked for, older children are neither read nor shown, and it says so', async () => {
  const asked: string[] = [];
  const counted = async (child: { readonly id: string }) => {
    asked.push(child.id);
    return read(child);
  };
  const { combined, incompleteReason } = await joinOutputs([first, second], counted, 3);
  expect(asked).toEqual([second.id]);
  expect(Buffer.from(combined).toString()).toBe(`[stint: job ${second.id}, succeeded]\ntwo`);
  expect(incompleteReason).toBe('children_left_out');
});

test('a parent without children has no output', async () => {
  expect(await joinOutputs([], read)).toEqual(outputOf(''));
});
