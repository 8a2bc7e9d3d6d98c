// Stores all tokens: their expiry, uses, parents and cubbyholes.

import { randomBytes } from 'node:crypto';
import type { Fields } from '../http/reply.js';
import { allowsLoopback } from './cidr.js';

/** Vault's default and longest time to live: 32 days. */
export const defaultTtlSeconds = 768 * 3600;

/** The properties of a new token; the rest has Vault's defaults. */
export interface TokenOrder {
  readonly id?: string;
  readonly policies: readonly string[];
  readonly type: 'service' | 'batch';
  readonly path: string;
  readonly displayName: string;
  /** Empty for an orphan. */
  readonly parentId: string;
  readonly meta?: Fields | null;
  readonly entityId?: string;
  /** 0: no limit. */
  readonly numUses?: number;
  readonly boundCidrs?: readonly string[];
  readonly renewable?: boolean;
  readonly life: TokenLife;
}

/** In seconds; 0 means no limit of its own. */
export interface TokenLife {
  /** 0 means no expiry, as only root tokens have. */
  readonly ttl: number;
  readonly maxTtl?: number;
  readonly explicitMaxTtl?: number;
  readonly period?: number;
  /** What a renewal without `increment` grants; 0: the last grant again. */
  readonly renewTtl?: number;
}

/** A stored token with its current state. */
export interface Token extends Required<Omit<TokenOrder, 'life' | 'parentId'>> {
  /** Empty for an orphan; a child may become one. */
  parentId: string;
  readonly accessor: string;
  readonly life: Required<TokenLife>;
  readonly createdAt: number;
  /** Milliseconds since 1970; infinite for a token without expiry. */
  expiresAt: number;
  /** The last grant, which a renewal without `increment` repeats. */
  grantedSeconds: number;
  usesLeft: number;
  renewedAt: number | undefined;
  readonly cubbyhole: Map<string, Fields>;
}

/** All tokens. Ended ones are detected and removed on access: nothing runs in the background. */
export class Tokens {
  readonly #byId = new Map<string, Token>();

  create(order: TokenOrder): Token {
    const { life, id = newTokenId(order.type), parentId } = order;
    const token: Token = {
      meta: null,
      entityId: '',
      numUses: 0,
      boundCidrs: [],
      renewable: true,
      ...order,
      id,
      parentId,
      accessor: order.type === 'batch' ? '' : base62(24),
      createdAt: Date.now(),
      expiresAt: Number.POSITIVE_INFINITY,
      grantedSeconds: life.ttl,
      life: {
        maxTtl: 0,
        explicitMaxTtl: 0,
        period: 0,
        renewTtl: 0,
        ...life,
      },
      usesLeft: order.numUses ?? 0,
      renewedAt: undefined,
      cubbyhole: new Map(),
    };
    if (life.ttl > 0) grant(token, life.ttl);
    this.#byId.set(id, token);
    return token;
  }

  /** A live token. A token ends with its expiry, its last use or its parent. */
  find(id: string): Token | undefined {
    const token = this.#byId.get(id);
    if (token === undefined) return undefined;
    const isSpent = token.numUses > 0 && token.usesLeft === 0;
    const hasLostParent = token.parentId !== '' && this.find(token.parentId) === undefined;
    if (token.expiresAt > Date.now() && !hasLostParent) return isSpent ? undefined : token;
    this.revoke(token);
    return undefined;
  }

  findByAccessor(accessor: string): Token | undefined {
    return accessor === '' ? undefined : this.all().find((token) => token.accessor === accessor);
  }

  all(): Token[] {
    return [...this.#byId.keys()].flatMap((id) => this.find(id) ?? []);
  }

  /** Every request takes a use, even if it fails. False when none is left, or when the token may not be used here. */
  use(token: Token): boolean {
    if (!allowsLoopback(token.boundCidrs)) return false;
    if (token.numUses === 0) return true;
    if (token.usesLeft === 0) return false;
    token.usesLeft -= 1;
    return true;
  }

  /** Call it after a request: the last use ends the token only once its request is done. */
  settle(token: Token): void {
    if (token.numUses > 0 && token.usesLeft === 0) this.revoke(token);
  }

  /** Revokes the token with all its descendants. */
  revoke(token: Token): void {
    this.#byId.delete(token.id);
    token.cubbyhole.clear();
    for (const other of this.#byId.values()) if (other.parentId === token.id) this.revoke(other);
  }

  /** Revokes the token alone; its children become orphans. */
  revokeAlone(token: Token): void {
    for (const other of this.#byId.values()) {
      if (other.parentId === token.id) other.parentId = '';
    }
    this.revoke(token);
  }
}

/** Sets a new expiry, at most what the token may have. Returns the seconds that were granted. */
export function grant(token: Token, seconds: number): number {
  const { maxTtl, explicitMaxTtl, period } = token.life;
  const requested = period > 0 ? period : seconds;
  const longest =
    period > 0 ? Number.POSITIVE_INFINITY : Math.min(maxTtl || defaultTtlSeconds, defaultTtlSeconds);
  const end = token.createdAt + Math.min(longest, explicitMaxTtl || Number.POSITIVE_INFINITY) * 1000;
  const now = Date.now();
  token.expiresAt = Math.min(now + requested * 1000, end);
  token.grantedSeconds = Math.max(0, Math.floor((token.expiresAt - now) / 1000));
  return token.grantedSeconds;
}

function newTokenId(type: 'service' | 'batch'): string {
  return `${type === 'batch' ? 'hvb' : 'hvs'}.${base62(90)}`;
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

function base62(length: number): string {
  return [...randomBytes(length)].map((byte) => letters[byte % letters.length]).join('');
}
