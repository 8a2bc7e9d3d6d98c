// Turns Vault's audit log on and off, and reads it as a list of operations.
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type VaultAccess, vaultAsk } from '../stage/vault.js';
import type { VaultOperation, VaultOperationKind } from './history.js';

/** Vault then logs every request with its secrets in the clear: the Vault must be private, the file closed to others. */
export async function startAudit(vault: VaultAccess, path: string): Promise<void> {
  const options = { file_path: path, log_raw: 'true' };
  const { status } = await vaultAsk(vault, 'PUT', 'sys/audit/chaos', { type: 'file', options });
  if (status >= 300) throw new Error(`Could not start the audit of the load: Vault answered ${status}.`);
}

/** Vault closes the file, so that its last line is complete. */
export async function stopAudit(vault: VaultAccess): Promise<void> {
  const { status } = await vaultAsk(vault, 'DELETE', 'sys/audit/chaos');
  if (status >= 300) throw new Error(`Could not end the audit of the load: Vault answered ${status}.`);
}

/**
 * All requests to Vault in the order of its log, without those that we made ourselves with the root token. Requests to a
 * sealed Vault are not in the log.
 */
export async function readAudit({ rootToken }: VaultAccess, path: string): Promise<VaultOperation[]> {
  const reader = new AuditReader(rootToken);
  const operations = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const operation = reader.read(JSON.parse(line) as AuditEntry);
    if (operation !== undefined) operations.push(operation);
  }
  return operations;
}

/** One line of Vault's file audit device, with the fields that are read here. */
interface AuditEntry {
  readonly time: string;
  readonly type: string;
  readonly error?: string;
  readonly auth?: { readonly accessor?: string };
  readonly request: {
    readonly path: string;
    readonly operation: string;
    readonly client_token?: string;
    readonly client_token_accessor?: string;
    readonly data?: Readonly<Record<string, unknown>> | null;
  };
  readonly response?: {
    readonly data?: Readonly<Record<string, unknown>>;
    readonly auth?: { readonly accessor?: string };
    readonly wrap_info?: {
      readonly token: string;
      readonly accessor: string;
      readonly wrapped_accessor?: string;
    };
  };
}

/** Reads a log from its beginning: Vault omits the accessor of a token that is gone, so the reader remembers accessors. */
export class AuditReader {
  readonly #ourToken: string;
  readonly #accessors = new Map<string, string>();

  constructor(ourToken: string) {
    this.#ourToken = ourToken;
  }

  /** Undefined for a line that adds nothing. */
  read(entry: AuditEntry): VaultOperation | undefined {
    const { request, response, error } = entry;
    const by = this.#accessorOf(request);
    if (!isFinalEntry(entry) || request.client_token === this.#ourToken) return undefined;
    const kind = kindOf(request);
    if (isAnonymous(kind, by)) return undefined;
    const { subject, gives = [] } = partsOf[kind]({ given: request.data ?? {}, by, response });
    const isDone = error === undefined && response?.data?.error === undefined;
    return { at: Date.parse(entry.time), kind, isDone, subject: text(subject), gives: gives.map(text) };
  }

  #accessorOf({ client_token: token, client_token_accessor: accessor }: AuditEntry['request']) {
    if (token === undefined) return undefined;
    if (accessor !== undefined) this.#accessors.set(token, accessor);
    return accessor ?? this.#accessors.get(token);
  }
}

/** Vault logs each request twice, before and after; only the second entry has the result. A refused unwrap has no second. */
function isFinalEntry({ type, error, request }: AuditEntry): boolean {
  return type === 'response' || (error !== undefined && kindOf(request) === 'unwrap');
}

/** Requests without a token, or with one from before the log began, are not checked. */
function isAnonymous(kind: VaultOperationKind, by: string | undefined): boolean {
  return by === undefined && (kind === 'use' || kind === 'check');
}

function kindOf({ path, operation }: AuditEntry['request']): VaultOperationKind {
  const kind = kinds.find(([pattern]) => pattern.test(path))?.[1] ?? 'use';
  return kind === 'read payload' && operation !== 'read' ? 'use' : kind;
}

const kinds: readonly (readonly [RegExp, VaultOperationKind])[] = [
  [/^auth\/approle\/role\/[^/]+\/secret-id$/, 'wrap'],
  [/^sys\/wrapping\/lookup$/, 'look up'],
  [/^sys\/wrapping\/unwrap$/, 'unwrap'],
  [/^auth\/approle\/login$/, 'log in'],
  [/^auth\/token\/revoke-self$/, 'revoke self'],
  [/^auth\/token\/revoke-accessor$/, 'revoke'],
  [/^auth\/approle\/role\/[^/]+\/secret-id-accessor\/destroy$/, 'destroy'],
  [/^cubbyhole\//, 'read payload'],
  [/^auth\/token\/lookup-self$/, 'check'],
];

interface Asked {
  readonly given: Readonly<Record<string, unknown>>;
  /** Accessor of the token that asked; undefined where Vault does not know the token. */
  readonly by: string | undefined;
  readonly response: AuditEntry['response'];
}

const partsOf: Record<
  VaultOperationKind,
  (asked: Asked) => { subject: unknown; gives?: readonly unknown[] }
> = {
  wrap: ({ response: { wrap_info: info } = {} }) => ({
    subject: info?.token,
    gives: [info?.accessor, info?.wrapped_accessor],
  }),
  'look up': ({ given }) => ({ subject: given.token }),
  unwrap: ({ by, response }) => ({
    subject: by,
    gives: [response?.data?.secret_id, response?.data?.secret_id_accessor],
  }),
  'log in': ({ given, response }) => ({ subject: given.secret_id, gives: [response?.auth?.accessor] }),
  'revoke self': ({ by }) => ({ subject: by }),
  revoke: ({ given }) => ({ subject: given.accessor }),
  destroy: ({ given }) => ({ subject: given.secret_id_accessor }),
  'read payload': ({ by }) => ({ subject: by }),
  check: ({ by }) => ({ subject: by }),
  use: ({ by }) => ({ subject: by }),
};

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
