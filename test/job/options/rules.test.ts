import { assert, constantFrom, property, shuffledSubarray } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findForbiddenImage } from '../../../src/job/options/image-policy.js';
import { findForbidden, strictPolicy } from '../../../src/job/options/policy.js';
import { type AllowRule, type Place, policiesOf } from '../../../src/job/options/rules.js';

const root = { uid: 0, gid: 0 };
const asRoot: AllowRule['allows'] = { users: [root] };

function mayBeRoot(rules: readonly AllowRule[], place: Place): boolean {
  return findForbidden({ user: root }, policiesOf(strictPolicy, rules)(place)).length === 0;
}

describe('a rule fits', () => {
  test.each<[Omit<AllowRule, 'allows'>, Place, boolean]>([
    [{ queue: 'build' }, { door: 'gostint', queue: 'build' }, true],
    [{ queue: 'build' }, { door: 'runai', queue: 'build' }, true],
    [{ queue: 'build' }, { door: 'gostint', queue: 'build-1' }, false],
    [{ queue: 'build' }, { door: 'gostint', queue: 'xbuild' }, false],
    [{ queue: 'build' }, { door: 'gostint', queue: null }, false],
    [{ queue: 'build-*' }, { door: 'gostint', queue: 'build-1' }, true],
    [{ queue: 'build-*' }, { door: 'gostint', queue: 'build-' }, true],
    [{ queue: 'build-*' }, { door: 'gostint', queue: 'build' }, false],
    [{ queue: '*-x-*' }, { door: 'gostint', queue: 'a\nb-x-😀' }, true],
    [{ queue: 'a.b' }, { door: 'gostint', queue: 'axb' }, false],
    [{ queue: 'a+(b)[c]{1}|^$\\' }, { door: 'gostint', queue: 'a+(b)[c]{1}|^$\\' }, true],
    [{ queue: '*' }, { door: 'gostint', queue: '' }, true],
    [{ queue: 'ab*ba' }, { door: 'gostint', queue: 'aba' }, false],
    [{ queue: 'a*b**c' }, { door: 'gostint', queue: 'a-b-c' }, true],
    [{ queue: 'a*b*c' }, { door: 'gostint', queue: 'acb' }, false],
    [{ queue: '' }, { door: 'gostint', queue: '' }, true],
    [{ queue: '' }, { door: 'gostint', queue: 'a' }, false],
    [{ queue: '*' }, { door: 'gaffer', queue: null }, false],
    [{ door: 'gaffer' }, { door: 'gaffer', queue: null }, true],
    [{ door: 'gaffer' }, { door: 'lopco', queue: null }, false],
    [{ door: 'runai', queue: 'vision' }, { door: 'runai', queue: 'vision' }, true],
    [{ door: 'runai', queue: 'vision' }, { door: 'gostint', queue: 'vision' }, false],
    [{ door: 'runai', queue: 'vision' }, { door: 'runai', queue: 'speech' }, false],
  ])('%j the job of %j: %s', (where, place, fits) => {
    expect(mayBeRoot([{ ...where, allows: asRoot }], place)).toBe(fits);
  });

  test('quickly, whatever its pattern and the queue are', () => {
    const rule = { queue: `${'a*'.repeat(6)}b`, allows: asRoot };

    expect(mayBeRoot([rule], { door: 'gostint', queue: 'a'.repeat(255) })).toBe(false);
  });
});

const place = { door: 'runai', queue: 'vision' } as const;
const widening: readonly AllowRule[] = [
  { queue: 'vision', allows: { mostGpus: 4, capabilities: ['CHOWN'] } },
  { queue: 'v*', allows: { mostGpus: 2, users: [root], capabilities: ['CHOWN', 'SETUID'] } },
  { door: 'runai', allows: { networks: ['batch'], ports: [{ from: 18_000, to: 18_001 }] } },
  {
    door: 'runai',
    queue: 'vision',
    allows: {
      mounts: [{ kind: 'bind', source: '/srv', readOnly: true }],
      images: ['registry.example.org/team/**'],
    },
  },
  { door: 'gaffer', allows: { networks: ['host'], users: ['image'] } },
];

describe('all rules that fit', () => {
  test('add up, in any order, to what all jobs may do', () => {
    const whole = shuffledSubarray([...widening], { minLength: widening.length });
    const forAll = { ...strictPolicy, networks: ['none'], capabilities: ['KILL'] };

    assert(
      property(whole, (rules) => {
        const policy = policiesOf(forAll, rules)(place);
        expect({ ...policy, capabilities: policy.capabilities.toSorted() }).toMatchObject({
          users: [root],
          networks: ['none', 'batch'],
          ports: [{ from: 18_000, to: 18_001 }],
          mounts: [{ kind: 'bind', source: '/srv', readOnly: true }],
          images: { allowed: ['public', 'registry.example.org/team/**'] },
          capabilities: ['CHOWN', 'KILL', 'SETUID'],
          mostGpus: 4,
        });
      }),
    );
  });

  test('take nothing away', () => {
    const forAll = { ...strictPolicy, mostGpus: 8, users: [root] };
    const policy = policiesOf(forAll, [{ queue: 'vision', allows: { mostGpus: 1, users: [], images: [] } }]);

    expect(policy(place)).toEqual(forAll);
    expect(findForbiddenImage('busybox', policy(place).images, 'image')).toEqual([]);
  });

  test('leave what is the same for all jobs as it was', () => {
    const { most, usual, mostStopGraceMs } = policiesOf(strictPolicy, widening)(place);

    expect({ most, usual, mostStopGraceMs }).toEqual({
      most: strictPolicy.most,
      usual: strictPolicy.usual,
      mostStopGraceMs: strictPolicy.mostStopGraceMs,
    });
  });

  test('none of them: what holds for all', () => {
    assert(
      property(constantFrom<Place['door']>('gostint', 'jobproxy', 'lopco'), (door) => {
        expect(policiesOf(strictPolicy, widening)({ door, queue: null })).toBe(strictPolicy);
      }),
    );
  });
});
