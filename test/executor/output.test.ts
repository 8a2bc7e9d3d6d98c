import { describe, expect, test } from 'vitest';
import type { OutputPart } from '../../src/executor/backend.js';
import { partMask } from '../../src/executor/masking/mask-parts.js';
import { copyOutput, OutputCollector, type OutputState } from '../../src/executor/output.js';
import type { OutputChunk } from '../../src/executor/run-recorder.js';
import { BrokenError } from '../../src/job/errors.js';
import { Secret } from '../../src/job/secret.js';
import { fired } from '../support/fake-container.js';
import { maskOf } from '../support/mask.js';

const asIs = { push: (part: OutputPart) => part, held: () => 0, end: () => [] };
const kib = 1024;

function out(text: string): OutputPart {
  return { stream: 'stdout', bytes: Buffer.from(text) };
}

function err(text: string): OutputPart {
  return { stream: 'stderr', bytes: Buffer.from(text) };
}

/** A store of chunks that obeys the same rules as the table. */
function chunkTable() {
  const rows = new Map<number, OutputChunk>();
  let writing = 0;
  let mostAtOnce = 0;
  return {
    rows,
    mostAtOnce: () => mostAtOnce,
    append: async (chunk: OutputChunk) => {
      mostAtOnce = Math.max(mostAtOnce, ++writing);
      await new Promise((resolve) => setImmediate(resolve));
      if (chunk.drop !== undefined) {
        for (let seq = chunk.drop.from; seq <= chunk.drop.to; seq++) rows.delete(seq);
      }
      rows.set(chunk.seq, chunk);
      writing--;
    },
  };
}

async function* from(parts: Iterable<OutputPart>) {
  yield* parts;
}

describe('OutputCollector', () => {
  test('keeps both streams in the order of arrival and joins neighbors', async () => {
    const table = chunkTable();
    const collector = new OutputCollector(table.append, 1024 * kib);

    await copyOutput(from([out('ab'), out('c'), err('de'), out('f')]), asIs, collector);
    await collector.end();

    const all = [...table.rows.values()];
    expect(Buffer.concat(all.map((chunk) => chunk.bytes)).toString()).toBe('abcdef');
    expect(all.flatMap((chunk) => chunk.runs)).toEqual([3, -2, 1]);
    expect(collector.totals).toEqual({ stdoutBytes: 4, stderrBytes: 2 });
  });

  test('stores the first byte without waiting for more', async () => {
    const table = chunkTable();
    const collector = new OutputCollector(table.append, 1024 * kib);

    await collector.push(out('a'));

    await expect.poll(() => table.rows.size).toBe(1);
    await collector.end();
  });

  test('keeps head and tail of a large output and leaves a gap that counts what was dropped', async () => {
    const table = chunkTable();
    const limit = 2048 * kib;
    const collector = new OutputCollector(table.append, limit);
    const flood = Array.from({ length: 160 }, (_, i) =>
      out(String.fromCharCode(65 + (i % 26)).repeat(64 * kib)),
    );

    await copyOutput(from(flood), asIs, collector);
    await collector.end();

    const kept = [...table.rows.values()].toSorted((a, b) => a.seq - b.seq);
    const keptBytes = kept.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    const last = kept.at(-1);
    expect(keptBytes).toBeLessThanOrEqual(limit);
    expect(keptBytes).toBeGreaterThan(limit * 0.7);
    expect(kept[0]?.position).toBe(0);
    expect((last?.position ?? 0) + (last?.bytes.length ?? 0)).toBe(160 * 64 * kib);
    expect(table.mostAtOnce()).toBe(1);
  });
});

describe('the store behind the collector', () => {
  test('a slow store slows the source down instead of filling the memory', async () => {
    const held = new AbortController();
    const collector = new OutputCollector(() => fired(held.signal), 1024 * kib);
    let pushed = 0;
    const pushing = (async () => {
      for (let i = 0; i < 100; i++) {
        await collector.push(out('x'.repeat(64 * kib)));
        pushed++;
      }
    })();

    await expect.poll(() => pushed).toBeGreaterThan(3);
    const before = pushed;
    await new Promise((resolve) => setImmediate(resolve));

    expect(pushed).toBe(before);
    expect(pushed).toBeLessThan(12);
    held.abort();
    await pushing;
    await collector.end();
  });

  test('a store that fails is reported by the next push and at the end', async () => {
    const broken = new BrokenError('internal', 'no space');
    const collector = new OutputCollector(() => Promise.reject(broken), 1024 * kib);

    await collector.push(out('a'));

    await expect(collector.end()).rejects.toBe(broken);
    await expect(collector.push(out('b'))).rejects.toBe(broken);
  });
});

describe('Q9: a collector that continues where another one ended', () => {
  const half = 600 * kib;

  /** Stores these sizes, one chunk each, with one collector for the first and another for the rest. */
  async function storedBy(sizes: readonly number[], cut: number) {
    const table = chunkTable();
    let state: OutputState | undefined;
    for (const part of [sizes.slice(0, cut), sizes.slice(cut)]) {
      const collector = new OutputCollector(table.append, half * 2, state);
      for (const size of part) {
        await collector.push({ stream: 'stdout', bytes: Buffer.alloc(size, 'x') });
        await collector.end();
      }
      const rows = [...table.rows.values()];
      const last = rows.at(-1);
      if (last === undefined) continue;
      const kept = rows.map(({ seq, bytes }) => ({ seq, length: bytes.length }));
      state = { seq: last.seq + 1, position: last.position + last.bytes.length, raw: last.raw, kept };
    }
    return [...table.rows.values()].map(({ seq, position, raw }) => ({ seq, position, raw }));
  }

  test('keeps the same head and the same tail', async () => {
    const sizes = Array.from({ length: 14 }, (_, index) => (100 + 10 * index) * kib);
    const whole = await storedBy(sizes, 0);

    for (const cut of [1, 4, 7, 11, 14]) expect(await storedBy(sizes, cut)).toEqual(whole);
    expect(whole.length).toBeLessThan(sizes.length);
  });

  test('does not count what a filter still holds as contained', async () => {
    const table = chunkTable();
    const collector = new OutputCollector(table.append, 1024 * kib);

    await collector.push(out('ab'), { taken: 5, held: 3 });
    await collector.end();

    expect(table.rows.get(0)?.raw).toEqual({ stdout: 2, stderr: 0 });
    expect(collector.totals).toEqual({ stdoutBytes: 5, stderrBytes: 0 });
  });
});

const dying = () => Promise.reject(new Error('The process is dead.'));

test('A3: what is found is told before the output that held it is stored, for a process may die in between', async () => {
  const chunks: OutputChunk[] = [];
  const collector = new OutputCollector(async (chunk) => void chunks.push(chunk), 1_000);
  const filter = partMask(maskOf(new Map([['A', new Secret('hunter2')]])));

  const printed = from(['so ', 'it is hun', 'ter2'].map(out));

  await expect(copyOutput(printed, filter, collector, dying)).rejects.toThrow('dead');
  await collector.end();

  expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).toString()).toBe('so it is ');
});
