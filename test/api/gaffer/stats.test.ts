import { expect, test } from 'vitest';
import { toWireJobStats, toWireStats } from '../../../src/api/gaffer/stats.js';

const usage = {
  osPid: 4711,
  cpuPercent: 1.26,
  memoryPercent: 0.34,
  residentBytes: 5.9 * 1024 ** 2,
  virtualBytes: 2 * 1024 ** 3,
  cpuTimeMs: 754_329,
};

test('what a process uses is shown as the original shows it', () => {
  expect(toWireStats(usage)).toEqual({
    mem_info1: '5M',
    mem_info2: '2G',
    cpu: 1.3,
    mem: 0.3,
    ctime: '12:34.32',
  });
});

test.each([
  [0, '0B'],
  [1023, '1023B'],
  [1024, '1K'],
  [1024 ** 4, '1T'],
  [1024 ** 5, '1024T'],
])('%i bytes are %j', (residentBytes, expected) => {
  expect(toWireStats({ ...usage, residentBytes }).mem_info1).toBe(expected);
});

test('what is not known is N/A', () => {
  const unknown = { mem_info1: 'N/A', mem_info2: 'N/A', cpu: 'N/A', mem: 'N/A', ctime: 'N/A' };

  expect(toWireStats(undefined)).toEqual(unknown);
  expect(toWireJobStats('a.b', [{ pid: 1, usage: undefined }])).toEqual({
    name: 'a.b',
    stats: [{ ...unknown, pid: 1, os_pid: 'N/A' }],
    mem: 'N/A',
    max_mem: 'N/A',
    min_mem: 'N/A',
    cpu: 'N/A',
    max_cpu: 'N/A',
    min_cpu: 'N/A',
  });
});

test('the sums of a job count what is known', () => {
  const processes = [
    { pid: 1, usage },
    { pid: 2, usage: { ...usage, cpuPercent: 7, memoryPercent: 2 } },
    { pid: 3, usage: undefined },
  ];

  expect(toWireJobStats('a.b', processes)).toMatchObject({
    stats: [{ pid: 1, os_pid: 4711, cpu: 1.3 }, { pid: 2 }, { pid: 3, cpu: 'N/A' }],
    mem: 2.3,
    max_mem: 2,
    min_mem: 0.3,
    cpu: 8.3,
    max_cpu: 7,
    min_cpu: 1.3,
  });
});
