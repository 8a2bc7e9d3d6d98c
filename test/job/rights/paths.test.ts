import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { operatorPath, queuePath } from '../../../src/job/rights/paths.js';

test.each([
  ['builds', 'stint/queues/builds/jobs'],
  ['team-a_1.x', 'stint/queues/team-a_1.x/jobs'],
  ['two words', 'stint/queues/two%20words/jobs'],
  ['a/b', 'stint/queues/a%2Fb/jobs'],
  ['a%2Fb', 'stint/queues/a%252Fb/jobs'],
  ['+', 'stint/queues/%2B/jobs'],
  ['*', 'stint/queues/%2A/jobs'],
  ['..', 'stint/queues/%2E%2E/jobs'],
  ['', 'stint/queues/~/jobs'],
  ['~', 'stint/queues/%7E/jobs'],
  ['ä', 'stint/queues/%C3%A4/jobs'],
  [null, 'stint/no-queue/jobs'],
])('the rights on the queue %j are at %s', (queue, path) => {
  expect(queuePath('stint', queue)).toBe(path);
});

test('no name leaves its segment, holds a wildcard, or has the path of another', () => {
  const name = fc.string({ unit: 'binary', maxLength: 40 }).filter((each) => each.isWellFormed());
  fc.assert(
    fc.property(name, name, (one, other) => {
      const path = queuePath('apps/stint', one);
      expect(path).toMatch(/^apps\/stint\/queues\/[\w.%~-]+\/jobs$/);
      expect(path.split('/')[3]).not.toMatch(/^\.+$/);
      expect(path === queuePath('apps/stint', other)).toBe(one === other);
    }),
  );
});

test('operators have paths of their own', () => {
  expect(operatorPath('apps/stint', 'reaper')).toBe('apps/stint/operator/reaper');
});
