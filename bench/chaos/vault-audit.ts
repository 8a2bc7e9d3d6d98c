import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { VaultDeed } from './history.js';
import { type VaultAccess, vaultAsk } from './vault.js';

/** Lets a Vault that is ours alone write down every request, secrets and all: the file must be closed to others. */
export async function startAudit(vault: VaultAccess, path: string): Promise<void> {
  const options = { file_path: path, log_raw: 'true' };
  const { status } = await vaultAsk(vault, 'PUT', 'sys/audit/chaos', { type: 'file', options });
  if (status >= 300) throw new Error(`Could not start the audit of the load: Vault answered ${status}.`);
}

/** Everything that Vault says it was asked for, in its own order. A request while it was sealed is in no log. */
export async function readAudit(path: string): Promise<VaultDeed[]> {
  const deeds = [];
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const deed = toDeed(JSON.parse(line) as AuditEntry);
    if (deed !== undefined) deeds.push(deed);
  }
  return deeds;
}

/** One line of Vault's file audit device, as far as it is read. */
interface AuditEntry {
  readonly time: string;
  readonly type: string;
  readonly error?: string;
  readonly auth?: { readonly accessor?: string };
  readonly request: {
    readonly path: string;
    readonly operation: string;
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

/** Requests are written twice, before and after; only the second tells what came of them. */
export function toDeed(entry: AuditEntry): VaultDeed | undefined {
  if (entry.type !== 'response') return undefined;
  const { request, response, auth } = entry;
  const found = kinds.find(([path]) => path.test(request.path));
  if (found === undefined || (found[1] === 'read payload' && request.operation !== 'read')) return undefined;
  const about = partsOf[found[1]];
  const isDone = entry.error === undefined && response?.data?.error === undefined;
  const { subject, gives = [] } = about({ given: request.data ?? {}, by: auth?.accessor, response });
  return {
    at: Date.parse(entry.time),
    kind: found[1],
    isDone,
    subject: text(subject),
    gives: gives.map(text),
  };
}

const kinds: readonly (readonly [RegExp, VaultDeed['kind']])[] = [
  [/^auth\/approle\/role\/[^/]+\/secret-id$/, 'wrap'],
  [/^sys\/wrapping\/lookup$/, 'look up'],
  [/^sys\/wrapping\/unwrap$/, 'unwrap'],
  [/^auth\/approle\/login$/, 'log in'],
  [/^auth\/token\/revoke-(?:self|accessor)$/, 'revoke'],
  [/^auth\/approle\/role\/[^/]+\/secret-id-accessor\/destroy$/, 'destroy'],
  [/^cubbyhole\//, 'read payload'],
];

interface Asked {
  readonly given: Readonly<Record<string, unknown>>;
  /** Accessor of the token that asked; none where Vault did not know it. */
  readonly by: string | undefined;
  readonly response: AuditEntry['response'];
}

const partsOf: Record<VaultDeed['kind'], (asked: Asked) => { subject: unknown; gives?: readonly unknown[] }> =
  {
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
    revoke: ({ given, by }) => ({ subject: given.accessor ?? by }),
    destroy: ({ given }) => ({ subject: given.secret_id_accessor }),
    'read payload': ({ by }) => ({ subject: by }),
  };

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
