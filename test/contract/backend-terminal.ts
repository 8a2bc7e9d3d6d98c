// The rule of the contract `Backend` about jobs with a terminal.
import { expect, test } from 'vitest';
import type { Act } from '../support/fake-container.js';
import { type Bench, newClaim, prepare, readAll, readUntil, startJob } from './backend-bench.js';

const acts: readonly Act[] = [{ print: 'one' }, { print: 'other', on: 'stderr' }, { linger: 'until_told' }];

export function terminalRules(bench: Bench): void {
  test('has both streams of its job as one, for who adopts it too', async () => {
    const claim = { ...newClaim(), tty: true, options: { stdin: true } };
    await using container = await prepare(bench, acts, claim);
    await readUntil((await startJob(container)).output, 'oneother');

    await using adopted = await bench().backend.adopt(claim);
    const running = adopted?.resume({ stdout: 3, stderr: 0 });
    const [output] = await Promise.all([running && readAll(running.output), running?.stop(5_000)]);

    expect(adopted).toMatchObject({ tty: true });
    expect(output).toEqual({ stdout: 'other', stderr: '' });
  });
}
