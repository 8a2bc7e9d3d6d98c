// Finds out who is behind a WebSocket, by the request or the first message, and whether that still holds.

import { setTimeout as delay } from 'node:timers/promises';
import { RefusedError } from '../../../job/errors.js';
import { ownerOf } from '../../../job/owner.js';
import type { Rights } from '../../../job/rights/rights.js';
import { CallerRights, type RightsParts, type TokenHolder } from '../../../queue/rights/caller-rights.js';
import type { InTurn } from '../../../queue/streams.js';
import { sourceOf } from '../../http/address.js';
import { openWebSocket, type Peer } from '../../http/websocket.js';
import type { AppParts } from '../../parts.js';
import { findToken, reachWith } from '../../request/caller.js';
import type { ApiContext } from '../../request/env.js';
import { serviceTokenOf } from '../../request/service-token.js';
import type { Asker } from '../find.js';

/** Who asks, and by which token. */
export interface Known extends TokenHolder {
  readonly rights: Rights;
}

type IdentifyParts = Pick<AppParts, 'identify'> & RightsParts;
type Parts = Pick<AppParts, 'serviceToken' | 'gaffer'> & IdentifyParts;

/**
 * Undefined: the request has no token, and the first message must bring one, since pages cannot set headers. Throws
 * `RefusedError` for a token that is not accepted, and for the page of an origin that may not call: browsers let any page open
 * a WebSocket, and where a service token stands for a missing one it would act with that.
 */
async function knownByRequest(c: ApiContext, parts: Parts): Promise<Known | undefined> {
  const origin = c.req.header('origin');
  if (origin !== undefined && !parts.gaffer.origins.includes(origin))
    throw new RefusedError('forbidden', 'Expected an origin of STINT_GAFFER_ORIGINS, got another one.');
  const own = findToken((name) => c.req.header(name), ['x-api-key']);
  const token = own ?? serviceTokenOf(c, 'gaffer', parts.serviceToken);
  return token === undefined ? undefined : await knownBy(token, parts, sourceOf(c));
}

/** By the token of a first message: the connection counts as the caller's from then on. Throws `RefusedError`. */
export async function knownByMessage(token: string, parts: IdentifyParts, peer: Peer): Promise<Known> {
  const known = await knownBy(token, parts, peer.source);
  peer.isOf(ownerOf(known.caller).key);
  return known;
}

/** A WebSocket that counts as its caller's, where the request said who that is. Throws as `knownByRequest` and `openWebSocket` do. */
export async function openChannel(
  c: ApiContext,
  parts: Parts,
  run: (peer: Peer, known: Known | undefined) => Promise<void>,
): Promise<Response> {
  const known = await knownByRequest(c, parts);
  return openWebSocket(c, (peer) => run(peer, known), known && ownerOf(known.caller).key);
}

/** What Vault says of rights is not remembered here: a channel may be open for days. */
async function knownBy(token: string, parts: IdentifyParts, source: string): Promise<Known> {
  const caller = await parts.identify(token, false, source);
  return { token, caller, rights: new CallerRights(parts, { caller, token }, false) };
}

/** Who asks over a WebSocket. */
export interface ChannelAsker extends Asker {
  /** Work waits in the line of the caller's requests: many WebSockets leave as much to others as one request after another. */
  readonly inTurn: InTurn;
}

export function askerOf(
  { caller, rights }: Known,
  { queue, processes, access, callerTurns }: Pick<AppParts, 'queue' | 'processes' | 'access' | 'callerTurns'>,
): ChannelAsker {
  const inTurn: InTurn = (work) => callerTurns.takeAnyway(ownerOf(caller).key, work);
  return { queue, processes, caller, reach: reachWith(caller, rights, access), inTurn };
}

const prefix = 'AUTH:';

/** The token in a text such as `AUTH:token`; undefined for any other text. */
export function tokenIn(text: string): string | undefined {
  const token = text.startsWith(prefix) ? text.slice(prefix.length).trim() : '';
  return token === '' ? undefined : token;
}

/** A client that says nothing for so long has no token. */
export const authenticateMs = 10_000;
const againMs = 60_000;

/**
 * Resolves when the token is no longer accepted, when a right is gone that something in the channel rests on, or when the signal
 * fires. Vault that is away says nothing.
 */
export async function untilRefused(
  known: Known,
  { identify }: Pick<AppParts, 'identify'>,
  signal: AbortSignal,
  everyMs = againMs,
): Promise<void> {
  while (!signal.aborted) {
    await delay(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted) return;
    if (!(await stillMay(known, identify))) return;
  }
}

async function stillMay({ token, rights }: Known, identify: AppParts['identify']): Promise<boolean> {
  try {
    await identify(token, false);
    return await rights.stillHold();
  } catch (error) {
    return !(error instanceof RefusedError);
  }
}
