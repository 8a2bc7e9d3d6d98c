// Creates a token from another, under Vault's rules about rights and policies.

import type { EngineRequest } from '../engines/engine.js';
import { countOf, flagOf, isFields, listOf, secondsOf, textOf } from '../http/body.js';
import { Refusal, type Reply } from '../http/reply.js';
import { type Policies, sanitize } from '../policy/policies.js';
import { issued } from './issue.js';
import { defaultTtlSeconds, type Token, type TokenLife, type TokenOrder, type Tokens } from './tokens.js';

interface Creation {
  readonly tokens: Tokens;
  readonly policies: Policies;
  readonly request: EngineRequest;
  readonly isOrphan: boolean;
}

/** The new token never has more rights than its creator, unless the creator has the right `sudo`. */
export function createToken({ tokens, policies, request, isOrphan }: Creation): Reply {
  const { body, token: parent } = request;
  if (parent === undefined) throw new Refusal(400, 'parent token lookup failed: no parent found');
  checkParent(parent);
  const type = typeOf(request);
  checkPrivileges(tokens, request);
  const assigned = policiesOf(parent, request);
  const life = lifeOf(request, assigned.includes('root'));
  const order: TokenOrder = {
    ...(textOf(body, 'id') === '' ? {} : { id: textOf(body, 'id') }),
    type,
    life,
    policies: assigned,
    path: `auth/token/${request.path}`,
    displayName: displayNameOf(textOf(body, 'display_name')),
    parentId: isOrphan || flagOf(body, 'no_parent', false) ? '' : parent.id,
    meta: isFields(body.meta) ? body.meta : null,
    numUses: countOf(body, 'num_uses'),
    renewable: flagOf(body, 'renewable', true),
  };
  const isOwn = order.parentId !== '';
  const token = tokens.create({
    ...order,
    ...(isOwn ? { entityId: parent.entityId, boundCidrs: parent.boundCidrs } : {}),
  });
  return issued(token, [
    ...policyWarnings(policies, assigned),
    ...idWarnings(request),
    ...ttlWarnings(request, token),
    ...unknownParameterWarnings(request),
  ]);
}

function checkParent(parent: Token): void {
  if (parent.type === 'batch') throw new Refusal(400, 'batch tokens cannot create more tokens');
  if (parent.numUses > 0) throw new Refusal(400, 'restricted use token cannot generate child tokens');
}

function typeOf({ body }: EngineRequest): 'service' | 'batch' {
  const type = textOf(body, 'type') || 'service';
  const uses = countOf(body, 'num_uses');
  if (type !== 'service' && type !== 'batch') throw new Refusal(400, "invalid 'token_type' value");
  const unfit = [
    secondsOf(body, 'explicit_max_ttl') > 0 ? 'explicit_max_ttl' : '',
    uses === 0 ? '' : 'num_uses',
    secondsOf(body, 'period') > 0 ? 'period' : '',
  ].find((name) => name !== '');
  if (type === 'batch' && unfit !== undefined)
    throw new Refusal(400, `batch tokens cannot have "${unfit}" set`);
  if (uses < 0) throw new Refusal(400, 'number of uses cannot be negative');
  return type;
}

function checkPrivileges(tokens: Tokens, { body, isSudo }: EngineRequest): void {
  const id = textOf(body, 'id');
  if (id !== '' && !isSudo) throw needs('specify token id');
  if (id !== '' && tokens.find(id) !== undefined) {
    throw new Refusal(400, 'cannot create a token with a duplicate ID');
  }
  if (flagOf(body, 'no_parent', false) && !isSudo) throw needs('create orphan token');
  if (secondsOf(body, 'period') > 0 && !isSudo) throw needs('create periodic token');
}

function needs(what: string): Refusal {
  return new Refusal(400, `root or sudo privileges required to ${what}`);
}

/** Without a list of its own the token gets its parent's policies. */
function policiesOf(parent: Token, { body, isSudo }: EngineRequest): string[] {
  const requested = listOf(body, 'policies');
  const wantsDefault = !flagOf(body, 'no_default_policy', false);
  if (!isSudo && sanitize(requested, false).some((name) => !parent.policies.includes(name))) {
    throw new Refusal(400, 'child policies must be subset of parent');
  }
  const addsDefault = requested.length > 0 && wantsDefault && (isSudo || parent.policies.includes('default'));
  const policies = sanitize(requested.length === 0 ? parent.policies : requested, addsDefault);
  const assigned = wantsDefault ? policies : policies.filter((name) => name !== 'default');
  if (assigned.includes('response-wrapping')) {
    throw new Refusal(400, 'cannot assign policy "response-wrapping"');
  }
  if (assigned.includes('root') && !parent.policies.includes('root')) {
    throw new Refusal(400, 'root tokens may not be created without parent token being root');
  }
  return assigned;
}

/** A root token without a TTL never expires. */
function lifeOf({ body }: EngineRequest, isRoot: boolean): TokenLife {
  const ttl = secondsOf(body, 'ttl');
  const period = secondsOf(body, 'period');
  return {
    ttl: Math.min(period || ttl || (isRoot ? 0 : defaultTtlSeconds), defaultTtlSeconds),
    explicitMaxTtl: secondsOf(body, 'explicit_max_ttl'),
    period,
  };
}

function displayNameOf(name: string): string {
  if (name === '') return 'token';
  return `token-${name}`.replaceAll(/[^a-zA-Z0-9-]/g, '-').replace(/-$/, '');
}

function policyWarnings(policies: Policies, assigned: readonly string[]): string[] {
  return assigned
    .filter((name) => name !== 'root' && policies.get(name) === undefined)
    .map((name) => `Policy "${name}" does not exist`);
}

function idWarnings({ body }: EngineRequest): string[] {
  if (textOf(body, 'id') === '') return [];
  return [
    'Supplying a custom ID for the token uses the weaker SHA1 hashing instead of the more secure SHA2-256 HMAC for ' +
      'token obfuscation. SHA1 hashed tokens on the wire leads to less secure lookups.',
  ];
}

function ttlWarnings({ body }: EngineRequest, token: Token): string[] {
  const requested = textOf(body, 'ttl');
  if (secondsOf(body, 'ttl') <= defaultTtlSeconds || token.life.period > 0) return [];
  return [
    `TTL of ${JSON.stringify(requested)} exceeded the effective max_ttl of "768h"; TTL value is capped accordingly`,
  ];
}

/** `meta` is documented and works, but Vault does not list it here, so it warns about it. */
const parameters = new Set(
  [
    ['display_name', 'entity_alias', 'explicit_max_ttl', 'format', 'id', 'metadata', 'no_default_policy'],
    ['no_parent', 'num_uses', 'period', 'policies', 'renewable', 'role_name', 'ttl', 'type'],
  ].flat(),
);

function unknownParameterWarnings({ body }: EngineRequest): string[] {
  const unknown = Object.keys(body).filter((key) => !parameters.has(key));
  if (unknown.length === 0) return [];
  return [`Endpoint ignored these unrecognized parameters: [${unknown.toSorted().join(' ')}]`];
}
