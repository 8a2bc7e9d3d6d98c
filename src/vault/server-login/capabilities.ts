// Asks Vault what the token of an API request may do on paths of stint's own, which Vault need not serve.

import type { AskCapabilities } from '../../job/rights/rights.js';
import { Secret } from '../../job/secret.js';
import type { VaultConnection } from '../client/client.js';
import { toVaultFailure, vaultUnavailable } from '../client/errors.js';
import { pathOf } from '../client/path.js';
import { fieldsAt, textsAt } from '../client/shape.js';
import { longestCacheMs, tokenRefused } from './caller.js';
import { KeyedMemory } from './keyed-memory.js';

type Granted = Awaited<ReturnType<AskCapabilities>>;

/**
 * One request for all paths, which spends one use of a token of limited uses. A token that may not ask has no rights: that is
 * no failure. `cacheMs` is how long an answer is reused, as in `createIdentifyCaller`.
 */
export function createAskCapabilities(
  connection: VaultConnection,
  { cacheMs = 0 }: { readonly cacheMs?: number } = {},
): AskCapabilities {
  const known = new KeyedMemory<Granted>();
  const keptMs = Math.min(cacheMs, longestCacheMs);
  return async (text, paths) => {
    const key = new Secret([text, ...paths].join('\n'));
    const cached = keptMs > 0 ? known.get(key) : undefined;
    if (cached !== undefined) return cached;
    const granted = await ask(connection, new Secret(text), paths);
    if (keptMs > 0) known.set(key, granted, keptMs);
    return granted;
  };
}

async function ask(connection: VaultConnection, token: Secret, paths: readonly string[]): Promise<Granted> {
  try {
    return await connection
      .client(token)
      .ask({ method: 'POST', path: pathOf('sys/capabilities-self'), body: { paths } }, (reply) =>
        readGranted(reply, paths),
      );
  } catch (error) {
    const failure = toVaultFailure(error);
    if (failure.hint === 'token_gone') throw tokenRefused();
    if (failure.kind === 'denied') return new Map();
    throw vaultUnavailable("ask for the caller's rights", failure);
  }
}

function readGranted(reply: unknown, paths: readonly string[]): Granted {
  const found = fieldsAt(reply, 'data');
  return new Map(paths.map((path) => [path, new Set(textsAt(found, path))]));
}
