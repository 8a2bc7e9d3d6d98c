import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { createRegistry } from '../../../src/queue/service/registry-service.js';
import { mostDocuments } from '../../../src/store/doors/registry.js';
import { describeRegistry } from '../../contract/registry.contract.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { store, sql } = database;
afterAll(() => database[Symbol.asyncDispose]());
beforeEach(async () => {
  await sql`truncate registry_documents`;
});

const registry = createRegistry(store);

describe('a registry in Postgres', () => {
  describeRegistry(() => registry);
});

const ann = { key: 'entity:ann', displayName: 'ann' };
const reach = { everyone: false, ownerKey: ann.key } as const;
const put = (id: string) => registry.put({ kind: 'machine', id, document: {} }, ann, reach);

test('whoever stores or deletes a document is in the history', async () => {
  const [{ seq = '0' } = {}] = await sql<{ seq: string }[]>`select max(seq) as seq from events`;
  await put('m-1');
  await put('m-1');
  await registry.delete('machine', 'm-1', { reach, actor: ann.key });

  const events = await sql`select kind, actor, detail from events where seq > ${seq ?? '0'} order by seq`;
  const detail = { registry: 'machine', id: 'm-1' };
  expect(events).toEqual([
    { kind: 'document_stored', actor: ann.key, detail },
    { kind: 'document_stored', actor: ann.key, detail },
    { kind: 'document_deleted', actor: ann.key, detail },
  ]);
});

test('an owner has so many documents of a kind and no more; one that is there can be replaced', async () => {
  await sql`
    insert into registry_documents (kind, owner_key, id, document)
    select 'machine', ${ann.key}, 'm-' || n, '{}' from generate_series(1, ${mostDocuments}::integer) as n`;

  await expect(put('one-more')).rejects.toMatchObject({ code: 'conflict' });
  await put('m-1');
  await registry.put({ kind: 'pipeline', id: 'p', document: {} }, ann, reach);
});
