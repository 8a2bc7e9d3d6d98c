// Issues, checks and destroys the SecretIDs of one AppRole.

import { randomUUID } from 'node:crypto';
import { type Fields, list, listed, Refusal, type Reply } from '../http/reply.js';
import { allowsLoopback } from '../token/cidr.js';

/** Limits in seconds and uses; 0 means no limit. */
export interface SecretIdOrder {
  readonly id: string | undefined;
  readonly numUses: number;
  readonly ttl: number;
  readonly metadata: Fields;
  readonly cidrs: readonly string[];
  readonly tokenCidrs: readonly string[];
}

interface SecretId extends Omit<SecretIdOrder, 'id'> {
  readonly id: string;
  readonly accessor: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  usesLeft: number;
}

/** The SecretIDs of one role. */
export class SecretIds {
  readonly #byId = new Map<string, SecretId>();

  create(order: SecretIdOrder): Reply {
    const id = order.id ?? randomUUID();
    if (this.#find(id) !== undefined) {
      throw listed(500, 'failed to store secret_id: SecretID is already registered');
    }
    const createdAt = Date.now();
    const expiresAt = order.ttl > 0 ? createdAt + order.ttl * 1000 : Number.POSITIVE_INFINITY;
    const accessor = randomUUID();
    this.#byId.set(id, { ...order, id, accessor, createdAt, expiresAt, usesLeft: order.numUses });
    const limits = { secret_id_num_uses: order.numUses, secret_id_ttl: order.ttl };
    return { data: { secret_id: id, secret_id_accessor: accessor, ...limits }, wrappedAccessor: accessor };
  }

  /** Takes one use. Unknown, expired and used up give the same answer, with 500, as in Vault 1.13. */
  spend(id: string): SecretId {
    const found = this.#find(id);
    if (found === undefined) throw new Refusal(500, 'invalid secret id');
    if (found.numUses > 0) found.usesLeft -= 1;
    if (found.numUses > 0 && found.usesLeft === 0) this.#byId.delete(id);
    if (!allowsLoopback(found.cidrs)) {
      throw new Refusal(
        400,
        'source address "127.0.0.1" unauthorized through CIDR restrictions on the secret ID',
      );
    }
    return found;
  }

  listAccessors(): Reply {
    return list(this.#living().map(({ accessor }) => accessor));
  }

  lookUp(id: string): Reply | undefined {
    const found = this.#find(id);
    return found === undefined ? undefined : { data: describe(found) };
  }

  lookUpByAccessor(accessor: string): Reply {
    const found = this.#byAccessor(accessor);
    return found === undefined
      ? { status: 404, data: { error: unknownAccessor(accessor) } }
      : { data: describe(found) };
  }

  destroy(id: string): undefined {
    this.#byId.delete(id);
  }

  destroyByAccessor(accessor: string): undefined {
    const found = this.#byAccessor(accessor);
    if (found === undefined) throw listed(500, unknownAccessor(accessor));
    this.#byId.delete(found.id);
  }

  #find(id: string): SecretId | undefined {
    return this.#living().find((each) => each.id === id);
  }

  #byAccessor(accessor: string): SecretId | undefined {
    return this.#living().find((each) => each.accessor === accessor);
  }

  #living(): SecretId[] {
    for (const { id, expiresAt } of this.#byId.values()) if (expiresAt <= Date.now()) this.#byId.delete(id);
    return [...this.#byId.values()];
  }
}

function unknownAccessor(accessor: string): string {
  return `failed to find accessor entry for secret_id_accessor: ${JSON.stringify(accessor)}`;
}

function describe(secretId: SecretId): Fields {
  const createdTime = new Date(secretId.createdAt).toISOString();
  const isForever = secretId.expiresAt === Number.POSITIVE_INFINITY;
  return {
    cidr_list: secretId.cidrs,
    creation_time: createdTime,
    expiration_time: isForever ? '0001-01-01T00:00:00Z' : new Date(secretId.expiresAt).toISOString(),
    last_updated_time: createdTime,
    metadata: secretId.metadata,
    secret_id_accessor: secretId.accessor,
    secret_id_num_uses: secretId.usesLeft,
    secret_id_ttl: secretId.ttl,
    token_bound_cidrs: secretId.tokenCidrs,
  };
}
