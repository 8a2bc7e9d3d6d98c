import { Core } from './core.js';
import type { Fault, FaultMatcher } from './faults.js';
import { VaultHttp } from './http/http.js';

export type { Fault, FaultMatcher } from './faults.js';

/** What may be chosen. */
export interface EmbeddedVaultOptions {
  /** Chosen by Vault where it is not given, as in a real one. */
  readonly rootToken?: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
}

/** Speaks Vault's HTTP API, keeps everything in memory, and protects nothing. Disposing ends it. */
export interface EmbeddedVault extends AsyncDisposable {
  readonly address: string;
  readonly rootToken: string;
  readonly unsealKey: string;
  seal(): void;
  unseal(): void;
  /** Spoils the next `times` requests that match, all where it is not given; the newest order counts. */
  fail(matcher: FaultMatcher, fault: Fault, times?: number): void;
  heal(): void;
}

/**
 * Starts one on loopback, unsealed, with a KV 2 engine at `secret/`, as `vault server -dev` does. Everything else is
 * mounted through its API. `console` is told loudly by who starts it for people: see `vault-dev/main.ts`.
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
