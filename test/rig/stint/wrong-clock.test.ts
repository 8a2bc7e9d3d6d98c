import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { WrongClock } from '../../../rig/stint/wrong-clock.js';

const hourMs = 3_600_000;
/** A process of these tests answers within this time; a larger deviation means a wrong offset. */
const toleranceMs = 60_000;

/** Prints one line per request: the time in every way of asking, and values that no clock changes. */
const program = `
  class Sub extends Date {}
  const tell = () => console.log(JSON.stringify({
    wall: [Date.now(), new Date().getTime(), Date.parse(Date()), new Sub().getTime(), new Date(0).constructor.now()],
    given: [new Date(0).getTime(), Date.UTC(2025, 9), Date.parse('2025-10-01'), new Date(2025, 9, 1, 12).getHours()],
    kinds: [new Date() instanceof Date, new Sub() instanceof Sub, Date.name, typeof Date.prototype.getTime],
    steady: [performance.now(), Number(process.hrtime.bigint() / 1000000n)],
  }));
  process.stdin.on('data', tell);
`;

interface Told {
  readonly wall: number[];
  readonly given: number[];
  readonly kinds: unknown[];
  readonly steady: [number, number];
}

let directory: string;
let child: ChildProcess | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stint-wrong-clock-'));
});

afterEach(async () => {
  child?.kill('SIGKILL');
  child = undefined;
  await rm(directory, { recursive: true, force: true });
});

async function startWith(offsetMs: number) {
  const clock = await WrongClock.start(join(directory, 'clock'), offsetMs);
  const env = { ...process.env, ...clock.env };
  const started = spawn(process.execPath, [...clock.args, '--eval', program], {
    env,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  child = started;
  const lines = createInterface(started.stdout)[Symbol.asyncIterator]();
  const ask = async (): Promise<Told> => {
    started.stdin.write('?\n');
    return JSON.parse((await lines.next()).value);
  };
  return { clock, ask };
}

function expectAhead({ wall }: Told, offsetMs: number): void {
  for (const time of wall) expect(Math.abs(time - offsetMs - Date.now())).toBeLessThan(toleranceMs);
}

test.each([hourMs, -hourMs, 0])(
  'a process gets a time that is %i ms wrong, however it asks',
  async (offsetMs) => {
    const { ask } = await startWith(offsetMs);

    const told = await ask();

    expectAhead(told, offsetMs);
    expect(told.given).toEqual([0, Date.UTC(2025, 9), Date.parse('2025-10-01'), 12]);
    expect(told.kinds).toEqual([true, true, 'Date', 'function']);
  },
);

test.each([hourMs, -hourMs])(
  'its clock jumps by %i ms while it runs, and no other clock does',
  async (jumpMs) => {
    const { clock, ask } = await startWith(0);
    const before = await ask();
    expectAhead(before, 0);

    await clock.set(jumpMs);
    await vi.waitFor(async () => expectAhead(await ask(), jumpMs), { timeout: 20_000, interval: 20 });

    const after = await ask();
    after.steady.forEach((time, at) => {
      const spanMs = time - (before.steady[at] ?? 0);
      expect(spanMs).toBeGreaterThan(0);
      expect(spanMs).toBeLessThan(toleranceMs);
    });
  },
);

test('it keeps its time when its file is gone, and does not start without one', async () => {
  const { clock, ask } = await startWith(hourMs);
  expectAhead(await ask(), hourMs);
  await rm(directory, { recursive: true });
  for (let count = 0; count < 5; count++) expectAhead(await ask(), hourMs);

  const orphan = spawn(process.execPath, [...clock.args, '--eval', ''], { env: clock.env, stdio: 'ignore' });
  expect((await once(orphan, 'exit'))[0]).not.toBe(0);
});

test('it does not start with a file that contains no time', async () => {
  const clock = await WrongClock.start(join(directory, 'clock'), 0);
  await writeFile(join(directory, 'clock'), '');

  const confused = spawn(process.execPath, [...clock.args, '--eval', ''], {
    env: clock.env,
    stdio: 'ignore',
  });

  expect((await once(confused, 'exit'))[0]).not.toBe(0);
});
