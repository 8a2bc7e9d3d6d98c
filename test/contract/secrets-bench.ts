import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Secrets, SessionHooks, WrappingTokenFacts } from '../../src/executor/secrets.js';
import type { Secret } from '../../src/job/secret.js';

/** What can be made to fail. */
export type Phase = 'payload' | 'lookUp' | 'unwrap' | 'login' | 'decrypt' | 'read' | 'renew' | 'revoke';

/** A `Secrets`, what a client does in Vault, and ways to break the Vault behind it. */
export interface SecretsBench extends AsyncDisposable {
  /** Retries for no more than a second while Vault is unavailable, once credentials are spent. */
  readonly secrets: Secrets;
  /** A SecretID of the jobs' role, wrapped while it is created. */
  wrap(ttlSeconds?: number): Promise<Secret>;
  /** The same with a SecretID that the client chose, and with the role's name as the client writes it. */
  wrapChosen(role?: string): Promise<Secret>;
  /** The same, created unwrapped and then wrapped by the generic call. */
  rewrap(): Promise<Secret>;
  /** Opens a wrapping token as a thief would. */
  steal(wrap: Secret): Promise<void>;
  encrypt(text: string): Promise<string>;
  cubbyhole(payload: string): Promise<{ token: Secret; path: string }>;
  /** Writes a secret, versioned or not, and returns the path to read it at. */
  write(name: string, data: Readonly<Record<string, unknown>>, version: 1 | 2): Promise<string>;
  /** Deletes the newest version of a versioned secret. */
  deleteVersion(path: string): Promise<void>;
  /** Destroys this version of a versioned secret. */
  destroyVersion(path: string, version: number): Promise<void>;
  /** A path that exists and that the jobs' role may not read. */
  forbidden(): Promise<string>;
  isAlive(accessor: string): Promise<boolean>;
  fail(phase: Phase, how: 'sealed' | 'reply_lost'): void;
  heal(): void;
  /** How often `secrets` has requested this. */
  count(phase: Phase): number;
}

/** Values that no error may contain. */
export const canary = 'CANARY-0815';

/** A session that records the calls of its hooks. */
export function sessionOf(
  bench: SecretsBench,
  wrap: Secret,
  more: Partial<SessionHooks> = {},
  known?: WrappingTokenFacts,
) {
  const told: string[] = [];
  const accessors: string[] = [];
  const hooks = {
    beforeSpending: async () => {
      told.push(`spending after ${bench.count('unwrap')} unwraps`);
    },
    onToken: async (accessor: string) => {
      told.push('token');
      accessors.push(accessor);
    },
    onRevoked: async () => {
      told.push('revoked');
    },
    ...more,
  };
  const session = bench.secrets.session(wrap, hooks, known);
  return { session, told, accessor: () => accessors[0] ?? '' };
}

/** The error that it failed with; throws where it did not fail. */
export async function failureOf(work: PromiseLike<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error('Expected a failure, got none.');
}

/** The usual options of a read. */
export const options = { continueOnWarnings: false };

/** Nowhere in the error, however it is printed. */
export function expectNoCanary(error: unknown): void {
  expect(seen(error)).not.toContain('CANARY');
}

/** The same for a secret; an empty one is not checked. */
export function expectNoSecret(error: unknown, secret: Secret): void {
  const text = secret.reveal();
  expect(text !== '' && seen(error).includes(text)).toBe(false);
}

/** Everything of it that a log could show. */
function seen(error: unknown): string {
  return [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error), (error as Error).stack].join(
    '\n',
  );
}
