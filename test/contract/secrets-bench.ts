import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Secrets, SessionHooks, WrappingTokenFacts } from '../../src/executor/secrets.js';
import type { Secret } from '../../src/job/secret.js';

/** What can be made to fail. */
export type Phase = 'payload' | 'lookUp' | 'unwrap' | 'login' | 'decrypt' | 'read' | 'revoke';

/** A `Secrets` with the client's side of the dance, and a hand on what stands behind it. */
export interface SecretsBench extends AsyncDisposable {
  /** Waits for a part that is away for no more than a second once credentials are spent. */
  readonly secrets: Secrets;
  /** A SecretID of the jobs' role, wrapped while it is created. */
  wrap(ttlSeconds?: number): Promise<Secret>;
  /** The same, created in the open and wrapped by the generic call. */
  rewrap(): Promise<Secret>;
  /** Opens a wrap as a thief would. */
  steal(wrap: Secret): Promise<void>;
  encrypt(text: string): Promise<string>;
  cubbyhole(payload: string): Promise<{ token: Secret; path: string }>;
  /** Writes a secret, versioned or not, and returns the path to read it at. */
  write(name: string, data: Readonly<Record<string, unknown>>, version: 1 | 2): Promise<string>;
  /** Deletes the newest version of a versioned secret. */
  deleteVersion(path: string): Promise<void>;
  /** A path that exists and that the jobs' role may not read. */
  forbidden(): Promise<string>;
  isAlive(accessor: string): Promise<boolean>;
  fail(phase: Phase, how: 'sealed' | 'reply_lost'): void;
  heal(): void;
  /** How often this was asked for by `secrets`, from the start. */
  count(phase: Phase): number;
}

/** What no error may tell. */
export const canary = 'CANARY-0815';

/** A session that notes what it told. */
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

/** What it failed with; fails where it did not. */
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

/** The same of a secret; of an empty one there is nothing to tell. */
export function expectNoSecret(error: unknown, secret: Secret): void {
  const text = secret.reveal();
  expect(text !== '' && seen(error).includes(text)).toBe(false);
}

/** All that a log could show of it. */
function seen(error: unknown): string {
  return [inspect(error, { depth: 9, showHidden: true }), JSON.stringify(error), (error as Error).stack].join(
    '\n',
  );
}
