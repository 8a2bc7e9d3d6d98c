// Starts the embedded Vault that development and tests use in place of a real one.

import { Core } from './core.js';
import type { Fault, FaultMatcher } from './faults.js';
import { VaultHttp } from './http/http.js';

export type { Fault, FaultMatcher } from './faults.js';

export interface EmbeddedVaultOptions {
  /** Random by default, as in a real Vault. */
  readonly rootToken?: string;
  /** 0, the default, picks a free one. */
  readonly port?: number;
}

/** Serves Vault's HTTP API, keeps everything in memory, and protects nothing. Disposing stops it. */
export interface EmbeddedVault extends AsyncDisposable {
  readonly address: string;
  readonly rootToken: string;
  readonly unsealKey: string;
  seal(): void;
  unseal(): void;
  /** Injects a fault into the next `times` requests that match, by default into all; the newest call counts. */
  fail(matcher: FaultMatcher, fault: Fault, times?: number): void;
  heal(): void;
}

/**
 * Starts one on loopback, unsealed, with a KV 2 engine at `secret/`, as `vault server -dev` does. Everything else is
 * mounted through its API. It prints no warning: whoever starts it for
 * people must do that, as `vault-dev/main.ts` does.
 */
export async function startEmbeddedVault(options: EmbeddedVaultOptions = {}): Promise<EmbeddedVault> {
  const core = new Core(options.rootToken);
  const http = new VaultHttp(core);
  const address = await http.listen(options.port ?? 0);
  return {
    address,
    rootToken: core.rootToken,
    unsealKey: core.seal.key,
    seal: () => {
      core.seal.isSealed = true;
    },
    unseal: () => {
      core.seal.isSealed = false;
    },
    fail: (matcher, fault, times = Number.POSITIVE_INFINITY) => http.faults.add(matcher, fault, times),
    heal: () => http.faults.clear(),
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}
