import { describe, expect, test } from 'vitest';
import { CallerRights } from '../../../src/queue/rights/caller-rights.js';

type Grants = Record<string, readonly string[]>;

/** The rights of a caller whom Vault grants these, and the questions that Vault got. */
function rightsOf(grants: Grants, { policies = ['default'], remembers = true, isOff = false } = {}) {
  const asked: (readonly string[])[] = [];
  const capabilities = async (_: string, paths: readonly string[]) => {
    asked.push(paths);
    return new Map(paths.map((path) => [path, new Set(grants[path] ?? ['deny'])]));
  };
  const caller = { entityId: 'e', accessor: 'a', displayName: 'd', policies };
  const parts = { capabilities, rightsPath: isOff ? undefined : 'stint', operatorPolicies: ['ops'] };
  return { rights: new CallerRights(parts, { caller, token: 's.t' }, remembers), asked, grants };
}

const never = () => Promise.reject(new Error('The names must not be read.'));

describe('in queues', () => {
  test('all of what is needed must be granted', async () => {
    const { rights, asked } = rightsOf({
      'stint/queues/a/jobs': ['read', 'list'],
      'stint/queues/b/jobs': ['read'],
      'stint/no-queue/jobs': ['list', 'read', 'update'],
    });

    expect(await rights.inQueues(['read', 'list'], ['a', 'b', null])).toEqual(['a', null]);
    expect(asked).toHaveLength(1);
  });

  test('a denial and a right together are a denial; root is everything', async () => {
    const path = 'stint/queues/a/jobs';

    expect(await rightsOf({ [path]: ['deny', 'read'] }).rights.inQueues(['read'], ['a'])).toEqual([]);
    expect(await rightsOf({ [path]: ['root'] }).rights.inQueues(['delete'], ['a'])).toEqual(['a']);
  });

  test('a right on all jobs counts in every queue, but for submitting', async () => {
    const { rights } = rightsOf({ 'stint/operator/jobs': ['create', 'read', 'update'] });

    expect(await rights.inQueues(['update'], ['a'])).toBe('all');
    expect(await rights.inQueues(['delete'], ['a'])).toEqual([]);
    expect(await rights.inQueues(['create'], ['a'])).toEqual([]);
  });

  test('a path is asked for once in a request, and each time where nothing is remembered', async () => {
    const { rights, asked } = rightsOf({});
    await rights.inQueues(['read'], ['a']);
    await rights.inQueues(['update'], ['a', 'b']);
    expect(asked).toEqual([['stint/operator/jobs', 'stint/queues/a/jobs'], ['stint/queues/b/jobs']]);

    const channel = rightsOf({}, { remembers: false });
    await channel.rights.inQueues(['read'], ['a']);
    await channel.rights.inQueues(['read'], ['a']);
    expect(channel.asked).toHaveLength(2);
  });

  test('an operator by policy may all but submit, and Vault is asked only for that', async () => {
    const { rights, asked } = rightsOf({}, { policies: ['default', 'ops'] });

    expect(await rights.inQueues(['delete'], ['a'])).toBe('all');
    expect(await rights.inLists(() => Promise.reject(new Error('no')))).toBe('all');
    expect(await rights.asOperator('reaper', 'update')).toBe(true);
    expect(asked).toEqual([]);
    expect(await rights.inQueues(['create'], ['a'])).toEqual([]);
  });

  test('where Vault is not to be asked there are none', async () => {
    const { rights, asked } = rightsOf({ 'stint/queues/a/jobs': ['read'] }, { isOff: true });

    expect(await rights.inQueues(['read'], ['a'])).toEqual([]);
    expect(await rights.inLists(async () => ['a'])).toEqual([]);
    expect(await rights.asOperator('jobs', 'read')).toBe(false);
    expect(asked).toEqual([]);
  });
});

describe('in lists', () => {
  test('most callers cost one question for three paths, however many queues there are', async () => {
    const { rights, asked } = rightsOf({});

    expect(await rights.inLists(never)).toEqual([]);
    expect(asked).toEqual([['stint/operator/jobs', 'stint/queues', 'stint/no-queue/jobs']]);
  });

  test('who may list queues is shown those in which jobs may be read and listed', async () => {
    const { rights, asked } = rightsOf({
      'stint/queues': ['list'],
      'stint/queues/a/jobs': ['read', 'list'],
      'stint/queues/b/jobs': ['read'],
      'stint/no-queue/jobs': ['read', 'list'],
    });

    expect(await rights.inLists(async () => ['a', 'b'])).toEqual([null, 'a']);
    expect(asked[1]).toEqual(['stint/queues/a/jobs', 'stint/queues/b/jobs']);
  });

  test('an auditor is shown all', async () => {
    expect(await rightsOf({ 'stint/operator/jobs': ['read', 'list'] }).rights.inLists(never)).toBe('all');
    expect(await rightsOf({ 'stint/operator/jobs': ['read'] }).rights.inLists(never)).toEqual([]);
  });
});

describe('what was granted', () => {
  const path = 'stint/queues/a/jobs';

  test('still holds until one of the rights that were used is gone', async () => {
    const { rights, asked, grants } = rightsOf({ [path]: ['read', 'update'] }, { remembers: false });
    expect(await rights.stillHold()).toBe(true);
    expect(asked).toEqual([]);

    await rights.inQueues(['read'], ['a', 'b']);
    grants[path] = ['read'];
    expect(await rights.stillHold()).toBe(true);
    expect(asked.at(-1)).toEqual([path]);

    grants[path] = ['deny'];
    expect(await rights.stillHold()).toBe(false);
  });
});
