import { expect, test } from 'vitest';
import { check } from '../../bench/chaos/check/check.js';
import { runChaos } from '../../bench/chaos/run.js';
import { rigPart } from '../support/rig-part.js';

// Installs and builds what is missing before the time limit of the test starts. The run itself starts private parts.
await Promise.all([rigPart('engine'), rigPart('postgres'), rigPart('vault')]);

/** The short form of `npm run chaos`: it finds what breaks at the first faults. */
test('two nodes under random faults, with clocks that are wrong and jump, lose, double and leave nothing', async () => {
  const { history } = await runChaos({
    jobs: 60,
    queues: 8,
    loadMs: 40_000,
    seed: 4,
    faultPauseMs: { least: 3_000, most: 6_000 },
    wrongClocks: true,
    log: (line) => process.stderr.write(`chaos: ${line}\n`),
  });

  expect(history.accepted.length).toBeGreaterThan(20);
  expect(history.faults.length).toBeGreaterThan(2);
  expect(check(history).filter(({ violations }) => violations.length > 0)).toEqual([]);
}, 300_000);
