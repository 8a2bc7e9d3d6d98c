// Parses a policy into rules for paths, and rejects what the embedded Vault does not know.

import { isFields, parseSeconds } from '../http/body.js';
import { type Fields, Refusal } from '../http/reply.js';
import { type HclValue, parseHcl } from './hcl.js';

/** All capabilities that can be granted, and `root`, which is only shown. */
export const capabilities = [
  'deny',
  'sudo',
  'read',
  'list',
  'update',
  'delete',
  'create',
  'patch',
  'root',
] as const;
export type Capability = (typeof capabilities)[number];

/** The rule of one policy for one path. */
export interface PathRule {
  /** As it was written, without a slash at its start. */
  readonly path: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** In seconds; 0 if not set. */
  readonly minWrap: number;
  readonly maxWrap: number;
}

/** The short forms of old policies. */
const shorthand: Readonly<Record<string, readonly Capability[]>> = {
  deny: ['deny'],
  read: ['read', 'list'],
  write: ['create', 'read', 'update', 'delete', 'list'],
  sudo: ['create', 'read', 'update', 'delete', 'list', 'sudo'],
};

/** Reads HCL or JSON. What Vault supports and we do not is refused: applying half of a policy is worse than refusing it. */
export function parsePolicy(text: string): PathRule[] {
  const paths = parseHcl(text).path;
  if (paths === undefined) return [];
  if (!isFields(paths)) throw failed('expected "path" to hold paths');
  return Object.entries(paths).map(([path, body]) => ruleOf(path, body as HclValue));
}

const known = new Set(['capabilities', 'policy', 'min_wrapping_ttl', 'max_wrapping_ttl']);

function ruleOf(path: string, body: HclValue): PathRule {
  if (!isFields(body)) throw failed(`path ${JSON.stringify(path)}: expected a block`);
  const unknown = Object.keys(body).find((key) => !known.has(key));
  if (unknown !== undefined)
    throw failed(
      `path ${JSON.stringify(path)}: this embedded Vault does not know ${JSON.stringify(unknown)}`,
    );
  const [minWrap, maxWrap] = [wrapOf(body, 'min_wrapping_ttl'), wrapOf(body, 'max_wrapping_ttl')];
  if (maxWrap > 0 && maxWrap < minWrap)
    throw failed(`path ${JSON.stringify(path)}: max_wrapping_ttl cannot be less than min_wrapping_ttl`);
  return { path: path.replace(/^\//, ''), capabilities: capabilitiesOf(path, body), minWrap, maxWrap };
}

function wrapOf(body: Fields, key: string): number {
  const value = body[key];
  return value === undefined ? 0 : parseSeconds(String(value));
}

/** `deny` overrides all others. */
function capabilitiesOf(path: string, body: Fields): Set<Capability> {
  const given = Array.isArray(body.capabilities) ? body.capabilities.map(String) : [];
  const old = typeof body.policy === 'string' ? (shorthand[body.policy] ?? []) : [];
  const names = [...old, ...given.map((name) => name.toLowerCase())];
  const wrong = names.find((name) => name === 'root' || !isCapability(name));
  if (wrong !== undefined)
    throw failed(`path ${JSON.stringify(path)}: invalid capability ${JSON.stringify(wrong)}`);
  return new Set(names.includes('deny') ? ['deny'] : names.filter(isCapability));
}

function isCapability(name: string): name is Capability {
  return (capabilities as readonly string[]).includes(name);
}

function failed(why: string): Refusal {
  return new Refusal(400, `failed to parse policy: ${why}`);
}
