// Stores policies by name, among them `root` and `default`.

import { Refusal } from '../http/reply.js';
import { type PathRule, parsePolicy } from './policy-language.js';

interface Policy {
  readonly text: string;
  readonly rules: readonly PathRule[];
}

/** Policies by name. `root` has no text: it may do everything. */
export class Policies {
  readonly #byName = new Map<string, Policy>([
    ['default', { text: defaultPolicy(), rules: parsePolicy(defaultPolicy()) }],
    ['response-wrapping', { text: wrappingPolicy, rules: parsePolicy(wrappingPolicy) }],
  ]);

  get(name: string): Policy | undefined {
    return name === 'root' ? { text: '', rules: [] } : this.#byName.get(name);
  }

  /** Without the policy of wrapping tokens. */
  names(): string[] {
    return [...this.#byName.keys(), 'root'].filter((name) => name !== 'response-wrapping').toSorted();
  }

  put(name: string, given: string): void {
    if (name === 'root' || name === 'response-wrapping')
      throw new Refusal(400, `cannot update ${JSON.stringify(name)} policy`);
    const text = decoded(given);
    this.#byName.set(name, { text, rules: parsePolicy(text) });
  }

  delete(name: string): void {
    if (name === 'default') throw new Refusal(400, 'cannot delete default policy');
    if (name === 'root' || name === 'response-wrapping')
      throw new Refusal(400, `cannot delete ${JSON.stringify(name)} policy`);
    this.#byName.delete(name);
  }
}

/** A policy may be sent as base64. */
function decoded(text: string): string {
  const isBase64 = text.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64').toString() : text;
}

/** In lower case, sorted, without duplicates. `root` replaces all others. */
export function sanitize(policies: readonly string[], addsDefault: boolean): string[] {
  const clean = policies.map((name) => name.trim().toLowerCase()).filter((name) => name !== '');
  if (clean.includes('root')) return ['root'];
  return [...new Set(addsDefault ? [...clean, 'default'] : clean)].toSorted();
}

/** The policy that every token has by default: manage itself, its cubbyhole and response wrapping. */
function defaultPolicy(): string {
  const readable = [
    'auth/token/lookup-self',
    'identity/entity/id/{{identity.entity.id}}',
    'identity/entity/name/{{identity.entity.name}}',
    'sys/internal/ui/resultant-acl',
  ];
  const writable = [
    ...['renew-self', 'revoke-self'].map((path) => `auth/token/${path}`),
    ...['capabilities-self', 'renew', 'leases/renew', 'leases/lookup'].map((path) => `sys/${path}`),
    ...['wrap', 'lookup', 'unwrap'].map((path) => `sys/wrapping/${path}`),
    ...['tools/hash', 'tools/hash/*', 'control-group/request'].map((path) => `sys/${path}`),
  ];
  return [
    ...readable.map((path) => `path "${path}" { capabilities = ["read"] }`),
    ...writable.map((path) => `path "${path}" { capabilities = ["update"] }`),
    'path "cubbyhole/*" { capabilities = ["create", "read", "update", "delete", "list"] }',
    'path "identity/oidc/provider/+/authorize" { capabilities = ["read", "update"] }',
  ].join('\n');
}

const wrappingPolicy = `
path "cubbyhole/response" { capabilities = ["create", "read"] }
path "sys/wrapping/unwrap" { capabilities = ["update"] }
`;
