import { expect, test } from 'vitest';
import type { Reach } from '../../src/job/owner.js';
import type { Registry } from '../../src/queue/registry.js';

const ann = { key: 'entity:ann', displayName: 'ann' };
const bob = { key: 'entity:bob', displayName: 'bob' };
const everyone: Reach = { everyone: true };
const own = ({ key }: typeof ann): Reach => ({ everyone: false, ownerKey: key });
const by = (owner: typeof ann, reach = own(owner)) => ({ reach, actor: owner.key });

/** Stores a machine; `reach` is that of its owner where nothing else is said. */
async function put(registry: Registry, owner: typeof ann, id: string, [document, reach]: Put): Promise<void> {
  await registry.put({ kind: 'machine', id, document: { ...document } }, owner, reach ?? own(owner));
}

type Put = readonly [document: object, reach?: Reach];

/** What a registry promises, whatever keeps its documents. It must be empty before each test. */
export function describeRegistry(open: () => Registry): void {
  test('gives a document back as it was stored, also with names of other styles', async () => {
    const registry = open();
    const document = { pipeline_id: 'p', nested: { z: 1, a: [null, true, 'x\u0000 é'] } };

    await put(registry, ann, 'm-1', [document]);

    const found = await registry.get('machine', 'm-1', own(ann));
    expect(JSON.stringify(found)).toBe(JSON.stringify(document));
    expect(await registry.list('machine', own(ann))).toEqual([{ kind: 'machine', id: 'm-1', document }]);
  });

  test('replaces the document of the same id', async () => {
    const registry = open();
    await put(registry, ann, 'm-1', [{ a: 1 }]);

    await put(registry, ann, 'm-1', [{ b: 2 }]);

    expect(await registry.get('machine', 'm-1', own(ann))).toEqual({ b: 2 });
    expect(await registry.list('machine', own(ann))).toHaveLength(1);
  });

  test('keeps the kinds apart', async () => {
    const registry = open();
    await put(registry, ann, 'm-1', [{ a: 1 }]);

    expect(await registry.get('pipeline', 'm-1', own(ann))).toBeUndefined();
    expect(await registry.list('pipeline', own(ann))).toEqual([]);
    expect(await registry.delete('pipeline', 'm-1', by(ann))).toBe(false);
  });

  test('keeps two owners apart who use the same id', async () => {
    const registry = open();
    await put(registry, ann, 'm-1', [{ of: 'ann' }]);

    await put(registry, bob, 'm-1', [{ of: 'bob' }]);

    expect(await registry.get('machine', 'm-1', own(ann))).toEqual({ of: 'ann' });
    expect(await registry.get('machine', 'm-1', own(bob))).toEqual({ of: 'bob' });
    expect(await registry.delete('machine', 'm-1', by(bob))).toBe(true);
    expect(await registry.get('machine', 'm-1', own(ann))).toEqual({ of: 'ann' });
    expect(await registry.delete('machine', 'm-1', by(bob))).toBe(false);
  });

  test('shows the newest to everyone, and lets everyone replace and delete it', async () => {
    const registry = open();
    await put(registry, ann, 'm-1', [{ of: 'ann' }]);
    await put(registry, bob, 'm-1', [{ of: 'bob' }]);

    expect(await registry.get('machine', 'm-1', everyone)).toEqual({ of: 'bob' });
    expect(await registry.list('machine', everyone)).toMatchObject([{ id: 'm-1', document: { of: 'bob' } }]);
    await put(registry, bob, 'm-1', [{ of: 'both' }, everyone]);
    expect(await registry.get('machine', 'm-1', own(ann))).toEqual({ of: 'both' });
    expect(await registry.delete('machine', 'm-1', by(bob, everyone))).toBe(true);
    expect(await registry.list('machine', everyone)).toEqual([]);
  });

  test('lists in the order of the ids', async () => {
    const registry = open();
    for (const id of ['m-2', 'm-10', 'm-1']) await put(registry, ann, id, [{}]);

    const ids = ['m-1', 'm-10', 'm-2'];
    expect((await registry.list('machine', own(ann))).map(({ id }) => id)).toEqual(ids);
    expect(await registry.ids('machine', own(ann))).toEqual(ids);
    expect(await registry.ids('machine', own(bob))).toEqual([]);
  });
}
