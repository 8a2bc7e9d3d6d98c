// Has the head of the chain signed by Vault, after following the chain from the head that was signed before.
import { type Head, type HeadDocument, type HeadSignature, headText } from '../../job/audit/head.js';
import type { Store } from '../../store/store.js';
import type { Alarms } from '../maintenance/alarms.js';
import { type KnownHead, verifyChain } from './verify.js';

export interface SignParts {
  readonly store: Pick<
    Store,
    'readLinks' | 'readEventsBetween' | 'readChainEnd' | 'readLastHead' | 'addHead' | 'recordChange'
  >;
  readonly node: string;
  /** Signs a text with the key of the operator's choice. */
  readonly sign: (text: string) => Promise<HeadSignature>;
  readonly now: () => Date;
  readonly alarms: Pick<Alarms, 'raise'>;
}

/**
 * Signs the end of the chain, unless that is signed already. What comes behind the last signed head is followed first: a
 * signature says that this node found it whole. A history that was changed raises an alarm and is never signed.
 */
export async function signHead({ store, node, sign, now, alarms }: SignParts): Promise<void> {
  const [last, end] = await Promise.all([store.readLastHead(), store.readChainEnd()]);
  if (end === undefined || end.number === '0' || end.number === last?.number) return;
  const verified = await verifyChain(store, { from: last && toKnown(last) });
  if (verified.problem !== undefined) {
    const message = `the history was changed in the database. ${verified.problem.text}`;
    alarms.raise({ code: 'history_changed', message });
    await store.recordChange(`node:${node}`, verified.problem);
    return;
  }
  const head = await toHead(store, verified.end ?? end, now());
  await store.addHead({ ...head, ...(await sign(headText(head))) });
}

export function toKnown({ number, head, installation }: HeadDocument): KnownHead {
  return { number, head: Buffer.from(head, 'hex'), installation: Buffer.from(installation, 'hex') };
}

/** The document about a link of the chain, not signed. */
export async function toHead(
  store: Pick<Store, 'readLinks'>,
  { number, head }: Pick<KnownHead, 'number' | 'head'>,
  at: Date,
): Promise<Head> {
  const [first] = await store.readLinks('0', 1);
  return {
    installation: toHex(first?.head ?? Buffer.of()),
    number,
    head: toHex(head),
    takenAt: at.toISOString(),
  };
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
