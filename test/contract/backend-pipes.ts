// The rules of the contract `Backend` about the named pipes of programs.
import { expect, test } from 'vitest';
import type { ProgramPipe, RunningContainer } from '../../src/executor/backend.js';
import { type Bench, prepare, readAll, startJob } from './backend-bench.js';

const echoing = [{ echo: 'end', pipe: 'ctl' }, { exit: 5 }] as const;

export function pipeRules(bench: Bench): void {
  test('what is written to a pipe reaches the program, and what it answers is read to the end', async () => {
    await using container = await prepare(bench, echoing, { options: { pipes: ['ctl', 'other-1'] } });
    const running = await startJob(container);
    const [ctl, other] = running.pipes as [ProgramPipe, ProgramPipe];
    const [exit, answers, silence] = await Promise.all([
      running.wait(),
      readPipe(ctl),
      readPipe(other),
      readAll(running.output),
      writeAll(ctl, ['one\ntw', 'o\n', `${'x'.repeat(100_000)}\n`, 'end\n']),
    ]);

    expect(exit).toMatchObject({ exitCode: 5 });
    expect(answers).toBe(`one\ntwo\n${'x'.repeat(100_000)}\n`);
    expect(silence).toBe('');
  });

  test('a pipe that nobody in the container reads takes no more than it holds, until the end', async () => {
    await using container = await prepare(bench, [{ print: 'ready' }, { linger: 'until_told' }], {
      options: { pipes: ['ctl'] },
    });
    const running = await startJob(container);
    const [ctl] = running.pipes as [ProgramPipe];
    const writing = ctl.write(Buffer.alloc(1_000_000));
    await Promise.all([running.stop(1_000), running.wait(), readAll(running.output), readPipe(ctl)]);

    expect(await writing).toBeUndefined();
    expect(await ctl.write(Buffer.from('late'))).toBeUndefined();
  });

  test('a job that asks for none has none', async () => {
    await using container = await prepare(bench, [{ exit: 0 }]);
    const running = await startJob(container);

    expect(running.pipes).toEqual([]);
    await readToEnd(running);
  });

  test('whoever adopts the container goes on with its pipes', async () => {
    const request = bench().request(echoing, { options: { pipes: ['ctl'] } });
    const container = await bench().backend.prepare(request, new AbortController().signal);
    const before = await startJob(container);
    const [output] = before.pipes.map((pipe) => pipe.output[Symbol.asyncIterator]());
    await writeAll(before.pipes[0] as ProgramPipe, ['one\n']);
    const first = await output?.next();
    await output?.return?.(); // It would read on.

    await using adopted = await bench().backend.adopt({ ...request, pipes: ['ctl'] });
    const running = adopted?.resume({ stdout: 0, stderr: 0 }) as RunningContainer;
    const [ctl] = running.pipes as [ProgramPipe];
    await writeAll(ctl, ['two\n', 'end\n']);

    expect(Buffer.from(first?.value ?? '').toString()).toBe('one\n');
    expect(await Promise.all([readPipe(ctl), readToEnd(running)])).toMatchObject(['two\n', { exitCode: 5 }]);
  });
}

async function readToEnd(running: RunningContainer) {
  const [exit] = await Promise.all([running.wait(), readAll(running.output)]);
  return exit;
}

async function writeAll(pipe: ProgramPipe, texts: readonly string[]): Promise<void> {
  for (const text of texts) await pipe.write(Buffer.from(text));
}

async function readPipe({ output }: ProgramPipe): Promise<string> {
  const pieces: Uint8Array[] = [];
  for await (const bytes of output) pieces.push(Uint8Array.from(bytes));
  return Buffer.concat(pieces).toString();
}
