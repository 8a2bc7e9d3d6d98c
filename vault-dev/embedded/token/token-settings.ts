// The `token_…` settings of auth methods, and the login that applies them.

import type { Identity } from '../auth/identity.js';
import type { EngineRequest } from '../engines/engine.js';
import { countOf, flagOf, listOf, secondsOf, textOf } from '../http/body.js';
import { type Fields, Refusal, type Reply } from '../http/reply.js';
import { sanitize } from '../policy/policies.js';
import { issued } from './issue.js';
import { defaultTtlSeconds, type TokenLife, type Tokens } from './tokens.js';

/** Settings for the tokens of a role or a user: the `token_…` fields that all auth methods share. */
export interface TokenSettings {
  readonly policies: readonly string[];
  readonly noDefault: boolean;
  readonly ttl: number;
  readonly maxTtl: number;
  readonly explicitMaxTtl: number;
  readonly period: number;
  readonly numUses: number;
  readonly type: string;
  readonly boundCidrs: readonly string[];
  /** Policies were set by the old field name, so they are shown under it too. */
  readonly isOld: boolean;
}

const usual: TokenSettings = {
  policies: [],
  noDefault: false,
  ttl: 0,
  maxTtl: 0,
  explicitMaxTtl: 0,
  period: 0,
  numUses: 0,
  type: 'default',
  boundCidrs: [],
  isOld: false,
};

/** Fields that are not given keep their values. */
export function readSettings(body: Fields, before: TokenSettings = usual): TokenSettings {
  const isOld = body.policies !== undefined && body.token_policies === undefined;
  const settings = {
    policies: policiesOf(body, before, isOld),
    noDefault: flagOf(body, 'token_no_default_policy', before.noDefault),
    ttl: secondsOf(body, 'token_ttl', before.ttl),
    maxTtl: secondsOf(body, 'token_max_ttl', before.maxTtl),
    explicitMaxTtl: secondsOf(body, 'token_explicit_max_ttl', before.explicitMaxTtl),
    period: secondsOf(body, 'token_period', before.period),
    numUses: countOf(body, 'token_num_uses', before.numUses),
    type: textOf(body, 'token_type') || before.type,
    boundCidrs: body.token_bound_cidrs === undefined ? before.boundCidrs : listOf(body, 'token_bound_cidrs'),
    isOld: isOld || (before.isOld && body.token_policies === undefined),
  };
  check(settings);
  return settings;
}

/** Normalized if set by the old field name, kept as sent if set by the new one; a token gets them normalized anyway. */
function policiesOf(body: Fields, before: TokenSettings, isOld: boolean): readonly string[] {
  if (isOld) return sanitize(listOf(body, 'policies'), false);
  return body.token_policies === undefined ? before.policies : listOf(body, 'token_policies');
}

const types = ['default', 'service', 'batch', 'default-service', 'default-batch'];

function check({ ttl, maxTtl, numUses, type }: TokenSettings): void {
  if (!types.includes(type)) throw new Refusal(400, "invalid 'token_type' value");
  if (numUses < 0) throw new Refusal(400, "'token_num_uses' cannot be negative");
  if (type.endsWith('batch') && numUses > 0) {
    throw new Refusal(
      400,
      "'token_type' cannot be 'batch' or 'default_batch' when set to generate tokens with limited use count",
    );
  }
  if (maxTtl > 0 && ttl > maxTtl)
    throw new Refusal(400, "'token_ttl' cannot be greater than 'token_max_ttl'");
}

/** The answer to a read of a role or a user. */
export function showSettings(settings: TokenSettings): Fields {
  return {
    ...(settings.isOld ? { policies: settings.policies } : {}),
    token_bound_cidrs: settings.boundCidrs.map((cidr) => cidr.replace(/\/32$/, '')),
    token_explicit_max_ttl: settings.explicitMaxTtl,
    token_max_ttl: settings.maxTtl,
    token_no_default_policy: settings.noDefault,
    token_num_uses: settings.numUses,
    token_period: settings.period,
    token_policies: settings.policies,
    token_ttl: settings.ttl,
    token_type: settings.type,
  };
}

/** One successful login. */
export interface Login {
  readonly tokens: Tokens;
  readonly identity: Identity;
  readonly request: EngineRequest;
  readonly type: string;
  /** The name by which the entity is known. */
  readonly alias: string;
  /** Shown after the name of the mount; may be empty. */
  readonly displayName: string;
  readonly meta: Fields;
}

/** Issues the token of a login. It has no parent. */
export function logIn(settings: TokenSettings, login: Login): Reply {
  const { mount, path } = login.request;
  const entity = login.identity.of(mount, login.type, login.alias);
  const token = login.tokens.create({
    policies: sanitize(settings.policies, !settings.noDefault),
    type: settings.type.endsWith('batch') ? 'batch' : 'service',
    path: mount + path,
    displayName: displayNameOf(mount, login.displayName),
    parentId: '',
    meta: login.meta,
    entityId: entity.id,
    numUses: settings.numUses,
    boundCidrs: settings.boundCidrs,
    life: lifeOf(settings, login.request.usualSeconds),
  });
  return issued(token);
}

function displayNameOf(mount: string, name: string): string {
  const method = mount.slice('auth/'.length, -1).replaceAll('/', '-');
  return name === '' ? method : `${method}-${name}`;
}

function lifeOf(settings: TokenSettings, usualSeconds: number): TokenLife {
  const { period, maxTtl, explicitMaxTtl } = settings;
  const ttl = Math.min(settings.ttl || usualSeconds, maxTtl || defaultTtlSeconds, defaultTtlSeconds);
  return { ttl: period || ttl, maxTtl, explicitMaxTtl, period, renewTtl: settings.ttl };
}
