import { expect, test } from 'vitest';
import { ownerOf } from '../../src/job/owner.js';

const caller = { entityId: 'e-1', accessor: 'a-1', displayName: 'ada', policies: ['default'] };

test('an owner is the entity of the caller, over all tokens', () => {
  expect(ownerOf(caller)).toEqual({ key: 'entity:e-1', displayName: 'ada' });
  expect(ownerOf({ ...caller, accessor: 'a-2' }).key).toBe('entity:e-1');
});

test('without an entity it is the one token', () => {
  expect(ownerOf({ ...caller, entityId: '' }).key).toBe('accessor:a-1');
});

test('an entity and an accessor of the same text are two owners', () => {
  expect(ownerOf({ ...caller, entityId: 'x' }).key).not.toBe(
    ownerOf({ ...caller, entityId: '', accessor: 'x' }).key,
  );
});
