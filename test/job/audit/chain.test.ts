import { expect, test } from 'vitest';
import { digestOf, headOf, listHashOf, nextLink, type StoredEvent } from '../../../src/job/audit/chain.js';

/** As docs/audit.md shows them; the hashes were made by another program. */
const claimed: StoredEvent = {
  seq: '42',
  tx: '731',
  at: '1795000000123456',
  jobId: '0123456789abcdef01234567',
  queue: null,
  node: null,
  kind: 'claimed',
  actor: 'node:n1',
  detail: '{"fence": 7}',
};
const paused: StoredEvent = {
  seq: '43',
  tx: '0',
  at: '-1',
  jobId: null,
  queue: 'café',
  node: '',
  kind: 'queue_paused',
  actor: 'entity:ann',
  detail: '{}',
};
const digests = [
  '17a5236a474a8084a9832acc131a44640fe0b96bff0dd1aa9d034e4727eda625',
  '915677ef31ab830e098820253dfe232a209116be36c0d593826f61a0f62dd69f',
];
const listHash = 'f2f1d76bcae9821f2ada48295c1f02cf0618c10448ac1b96b2687caa25cd0f67';
const head = '88ea5bebf26b515ce3a6d4147f7c8ea4b96bdc88f7b62c3e903fb473267c07ba';

test('A6: the digest of an event is that of its documented bytes', () => {
  expect([claimed, paused].map((event) => digestOf(event).toString('hex'))).toEqual(digests);
});

test('A6: a link hashes the list of its events, its place and the head before it', () => {
  const list = listHashOf(['42', '43'], Buffer.from(digests.join(''), 'hex'));
  const place = { number: '1', lastTx: '0', lastSeq: '43', events: 2 };

  expect(list.toString('hex')).toBe(listHash);
  expect(headOf(Buffer.alloc(32), { ...place, listHash: list }).toString('hex')).toBe(head);
  const link = nextLink({ number: '0', lastTx: '0', lastSeq: '0', head: Buffer.alloc(32) }, [
    claimed,
    paused,
  ]);
  expect(link).toMatchObject({ ...place, seqs: ['42', '43'], head: Buffer.from(head, 'hex') });
});

test.each(Object.keys(claimed) as (keyof StoredEvent)[])('A6: no other `%s` has the same digest', (field) => {
  const others = ['', '0', `${claimed[field]} `, 'null', claimed[field] === null ? 'a' : null];

  const same = others.filter((other) => digestOf({ ...claimed, [field]: other }).equals(digestOf(claimed)));

  expect(same).toEqual([]);
});

test('A6: what is moved from one field to the next is another event', () => {
  expect(digestOf({ ...claimed, kind: 'claimedn', actor: 'ode:n1' }).equals(digestOf(claimed))).toBe(false);
});
