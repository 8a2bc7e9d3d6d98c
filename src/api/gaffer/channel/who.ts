// Finds out who is behind a WebSocket, by the request or the first message, and whether that still holds.

import { setTimeout as delay } from 'node:timers/promises';
import { RefusedError } from '../../../job/errors.js';
import type { Rights } from '../../../job/rights/rights.js';
import { CallerRights, type RightsParts, type TokenHolder } from '../../../queue/rights/caller-rights.js';
import { sourceOf } from '../../http/address.js';
import type { AppParts } from '../../parts.js';
import { findToken } from '../../request/caller.js';
import type { ApiContext } from '../../request/env.js';
import { serviceTokenOf } from '../../request/service-token.js';

/** Who asks, and by which token. */
export interface Known extends TokenHolder {
  readonly rights: Rights;
}

type Parts = Pick<AppParts, 'identify' | 'serviceToken' | 'gaffer'> & RightsParts;

/**
 * Undefined: the request has no token, and the first message must bring one, since pages cannot set headers. Throws
 * `RefusedError` for a token that is not accepted, and for the page of an origin that may not call: browsers let any page open
 * a WebSocket, and where a service token stands for a missing one it would act with that.
 */
export async function knownByRequest(c: ApiContext, parts: Parts): Promise<Known | undefined> {
  const origin = c.req.header('origin');
  if (origin !== undefined && !parts.gaffer.origins.includes(origin))
    throw new RefusedError('forbidden', 'Expected an origin of STINT_GAFFER_ORIGINS, got another one.');
  const own = findToken((name) => c.req.header(name), ['x-api-key']);
  const token = own ?? serviceTokenOf(c, 'gaffer', parts.serviceToken);
  return token === undefined ? undefined : await knownBy(token, parts, sourceOf(c));
}

/** What Vault says of rights is not remembered here: a channel may be open for days. */
export async function knownBy(
  token: string,
  parts: Pick<Parts, 'identify'> & RightsParts,
  source?: string,
): Promise<Known> {
  const caller = await parts.identify(token, false, source);
  return { token, caller, rights: new CallerRights(parts, { caller, token }, false) };
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
