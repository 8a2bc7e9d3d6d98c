// The rules of the contract `Backend` about the standard input of programs.
import { expect, test } from 'vitest';
import type { RunningContainer } from '../../src/executor/backend.js';
import { type Bench, prepare, readAll, startJob } from './backend-bench.js';

const echoing = [{ echo: 'end' }, { exit: 5 }] as const;

export function inputRules(bench: Bench): void {
  const run = async (options: object, use: (running: RunningContainer) => Promise<void>) => {
    await using container = await prepare(bench, echoing, { options });
    const running = await startJob(container);
    const [output, exit] = await Promise.all([readAll(running.output), running.wait(), use(running)]);
    return { output, exit };
  };

  test('reaches the program in the order of the writes, and stays open between them', async () => {
    const { output, exit } = await run({ stdin: true }, async (running) => {
      for (const text of ['one\ntw', 'o\n', `${'x'.repeat(100_000)}\n`, 'end\n'])
        await running.write(Buffer.from(text));
    });

    expect(output.stdout).toBe(`one\ntwo\n${'x'.repeat(100_000)}\n`);
    expect(exit).toMatchObject({ exitCode: 5 });
  });

  test('is empty where it was not asked for', async () => {
    const { output, exit } = await run({}, async () => undefined);

    expect(output.stdout).toBe('');
    expect(exit).toMatchObject({ exitCode: 5 });
  });

  test('of a program that has ended is lost', async () => {
    await using container = await prepare(bench, echoing, { options: { stdin: true } });
    const running = await startJob(container);
    await running.write(Buffer.from('end\n'));
    await Promise.all([readAll(running.output), running.wait()]);

    expect(await running.write(Buffer.from('more\n'))).toBeUndefined();
  });
}
