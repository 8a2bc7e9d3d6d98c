import { expect, test } from 'vitest';
import { Alarms } from '../../../src/queue/maintenance/alarms.js';

test('each alarm is logged as one, and counted by its code', () => {
  const lines: unknown[] = [];
  const alarms = new Alarms({ error: (message, facts) => void lines.push([message, facts]) });

  alarms.raise({ jobId: 'a1', code: 'wrap_used', message: 'Somebody was faster.' });
  alarms.raise({ jobId: 'a2', code: 'wrap_used', message: 'Again.' });

  expect(lines[0]).toEqual([
    'security alarm: Somebody was faster.',
    { jobId: 'a1', code: 'wrap_used', alarm: true },
  ]);
  expect([...alarms.counts]).toEqual([['wrap_used', 2]]);
});
