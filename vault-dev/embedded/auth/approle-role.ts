// The settings of one AppRole: how they are read and shown.

import { countOf, flagOf, isFields, listOf, secondsOf, textOf } from '../http/body.js';
import { type Fields, listed, Refusal, type Reply } from '../http/reply.js';
import { readSettings, showSettings, type TokenSettings } from '../token/token-settings.js';
import type { SecretIds } from './approle-secret-ids.js';

/** The settings of a role. Limits are in seconds and uses; 0 means no limit. */
export interface RoleSettings {
  readonly bindSecretId: boolean;
  readonly secretIdNumUses: number;
  readonly secretIdTtl: number;
  readonly secretIdCidrs: readonly string[];
  readonly token: TokenSettings;
}

/** A role with the SecretIDs that it issued. */
export interface Role {
  readonly name: string;
  roleId: string;
  settings: RoleSettings;
  readonly secretIds: SecretIds;
}

/** Fields that are not given keep their values. */
export function readRole(body: Fields, before?: RoleSettings): RoleSettings {
  const settings = {
    bindSecretId: flagOf(body, 'bind_secret_id', before?.bindSecretId ?? true),
    secretIdNumUses: countOf(body, 'secret_id_num_uses', before?.secretIdNumUses),
    secretIdTtl: secondsOf(body, 'secret_id_ttl', before?.secretIdTtl),
    secretIdCidrs:
      'secret_id_bound_cidrs' in body ? listOf(body, 'secret_id_bound_cidrs') : (before?.secretIdCidrs ?? []),
    token: readSettings(body, before?.token),
  };
  const isFree =
    !settings.bindSecretId && settings.secretIdCidrs.length + settings.token.boundCidrs.length === 0;
  if (isFree) throw listed(500, 'at least one constraint should be enabled on the role');
  return settings;
}

/** The answer to a read of the role. */
export function showRole(settings: RoleSettings): Fields {
  return {
    bind_secret_id: settings.bindSecretId,
    local_secret_ids: false,
    secret_id_bound_cidrs: settings.secretIdCidrs.length === 0 ? null : settings.secretIdCidrs,
    secret_id_num_uses: settings.secretIdNumUses,
    secret_id_ttl: settings.secretIdTtl,
    ...showSettings(settings.token),
  };
}

/** With an `id` it is a custom SecretID. */
export function createSecretId({ settings, secretIds }: Role, body: Fields, id: string | undefined): Reply {
  if (!settings.bindSecretId) throw new Refusal(400, 'bind_secret_id is not set on the role');
  if (id === '') throw new Refusal(400, 'missing secret_id');
  return secretIds.create({
    id,
    numUses: countOf(body, 'num_uses', settings.secretIdNumUses),
    ttl: secondsOf(body, 'ttl', settings.secretIdTtl),
    metadata: metadataOf(body),
    cidrs: listOf(body, 'cidr_list').concat(settings.secretIdCidrs),
    tokenCidrs: listOf(body, 'token_bound_cidrs'),
  });
}

/** JSON in a string, as the command line sends it. */
function metadataOf(body: Fields): Fields {
  const text = textOf(body, 'metadata');
  if (text === '') return {};
  try {
    const metadata: unknown = JSON.parse(text);
    if (isFields(metadata)) return metadata;
  } catch {}
  throw new Refusal(400, 'failed to parse metadata');
}
