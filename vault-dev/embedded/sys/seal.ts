// Seal state and health of the embedded Vault, which need no token.

import { randomBytes, randomUUID } from 'node:crypto';
import { textOf } from '../http/body.js';
import type { Answer } from '../http/frame.js';
import { type Fields, Refusal } from '../http/reply.js';

const version = '1.13.0';

/** Nothing is encrypted here: a sealed Vault only answers as if it were. */
export class Seal {
  readonly key = randomBytes(32).toString('base64');
  isSealed = false;
  readonly #cluster = { cluster_name: `vault-cluster-${randomUUID().slice(0, 8)}`, cluster_id: randomUUID() };

  /** Answers paths that need no token, sealed or not; undefined for all others. */
  answer(method: string, path: string, sent: { query: URLSearchParams; body: Fields }): Answer | undefined {
    const isRead = method === 'GET' || method === 'HEAD';
    if (path === 'sys/health' && isRead) return this.#health(sent.query);
    if (path === 'sys/seal-status' && isRead) return { status: 200, body: this.#status() };
    if (path === 'sys/init' && isRead) return { status: 200, body: { initialized: true } };
    if (path === 'sys/unseal' && (method === 'PUT' || method === 'POST')) return this.#unseal(sent.body);
    if (path === 'sys/leader' && isRead && !this.isSealed) return { status: 200, body: leader };
    return undefined;
  }

  #health(query: URLSearchParams): Answer {
    const mode = this.isSealed ? 'unknown' : 'disabled';
    const body = {
      initialized: true,
      sealed: this.isSealed,
      standby: this.isSealed,
      performance_standby: false,
      replication_performance_mode: mode,
      replication_dr_mode: mode,
      server_time_utc: Math.floor(Date.now() / 1e3),
      version,
      ...(this.isSealed ? {} : this.#cluster),
    };
    const status = this.isSealed
      ? Number(query.get('sealedcode') ?? 503)
      : Number(query.get('activecode') ?? 200);
    return { status, body };
  }

  #status(): Fields {
    return {
      type: 'shamir',
      initialized: true,
      sealed: this.isSealed,
      t: 1,
      n: 1,
      progress: 0,
      nonce: '',
      version,
      build_date: '',
      migration: false,
      ...(this.isSealed ? {} : this.#cluster),
      recovery_seal: false,
      storage_type: 'inmem',
    };
  }

  #unseal(body: Fields): Answer {
    const key = textOf(body, 'key');
    if (key === '' && body.reset !== true) {
      throw new Refusal(400, "'key' must be specified in request body as JSON, or 'reset' set to true");
    }
    if (key !== '' && !/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(key)) {
      throw new Refusal(400, "'key' must be a valid hex or base64 string");
    }
    const isRight = [Buffer.from(key, 'base64'), Buffer.from(key, 'hex')].some(
      (bytes) => bytes.toString('base64') === this.key,
    );
    if (this.isSealed && key !== '' && !isRight) throw wrongKey();
    if (isRight) this.isSealed = false;
    return { status: 200, body: this.#status() };
  }
}

function wrongKey(): Refusal {
  return new Refusal(
    400,
    'unable to retrieve stored keys: invalid key: failed to decrypt keys from storage: cipher: message authentication failed',
  );
}

const leader = {
  ha_enabled: false,
  is_self: false,
  active_time: '0001-01-01T00:00:00Z',
  leader_address: '',
  leader_cluster_address: '',
  performance_standby: false,
  performance_standby_last_remote_wal: 0,
};
