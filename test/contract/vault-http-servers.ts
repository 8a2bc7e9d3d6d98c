// Says where servers differ in what they answer, word for word, and holds each server to its own column.
import { expect } from 'vitest';
import type { VaultBench } from './vault-http-bench.js';

/** Servers that were measured. The embedded Vault imitates Vault 1.13. */
export type Server = 'Vault 1.13' | 'OpenBao 2.6, 2.7';

interface Said {
  readonly status: number;
  readonly error: string;
}

const spentSecretId = { 'Vault 1.13': says(500, 'invalid secret id'), 'OpenBao 2.6, 2.7': noLogin() };

/** All of these refuse, with a status of their own choice: nothing of ours may need more than that. */
export const refusals = {
  'a token of a namespace that is none': {
    'Vault 1.13': says(
      500,
      'error performing token check: failed to look up namespace from the token: no namespace',
    ),
    'OpenBao 2.6, 2.7': says(403, 'permission denied'),
  },
  'a SecretID that is used up': spentSecretId,
  'a SecretID that was destroyed': spentSecretId,
  'a RoleID that is none': {
    'Vault 1.13': says(400, 'invalid role ID'),
    'OpenBao 2.6, 2.7': noLogin(),
  },
  'a login without a RoleID': {
    'Vault 1.13': says(500, 'failed to determine alias name from login request'),
    'OpenBao 2.6, 2.7': says(500, 'missing role_id'),
  },
  'a wrong password of a known user': {
    'Vault 1.13': says(500, 'invalid username or password'),
    'OpenBao 2.6, 2.7': says(400, 'invalid username or password'),
  },
} as const satisfies Readonly<Record<string, Readonly<Record<Server, Said>>>>;

export type Refusal = keyof typeof refusals;

function says(status: number, error: string): Said {
  return { status, error };
}

function noLogin(): Said {
  return says(400, 'invalid role or secret ID');
}

/** What is to be heard: any server must refuse, and one that was measured does it in the words of its column. */
export async function refusal(bench: VaultBench, what: Refusal): Promise<unknown> {
  const server = await serverOf(bench);
  if (server === undefined) return { status: expect.any(Number), body: { errors: expect.any(Array) } };
  const { status, error } = refusals[what][server];
  return { status, body: { errors: [error] } };
}

/** Undefined for one that was not measured: to it only what all must do applies. */
async function serverOf(bench: VaultBench): Promise<Server | undefined> {
  const mounts = (await bench.ask('GET', 'sys/mounts')).body.data ?? {};
  const { running_plugin_version: plugin } = mounts['cubbyhole/'] as { running_plugin_version?: string };
  const { version = '' } = (await bench.ask('GET', 'sys/health')).body as { version?: string };
  const [, short = ''] = /^(\d+\.\d+)\./.exec(version) ?? [];
  if (plugin?.endsWith('.bao') === true)
    return ['2.6', '2.7'].includes(short) ? 'OpenBao 2.6, 2.7' : undefined;
  return short === '1.13' ? 'Vault 1.13' : undefined;
}
