import { isFields, parseSeconds } from '../http/body.js';
import { type Fields, Refusal } from '../http/reply.js';
import { type HclValue, parseHcl } from './hcl.js';

/** All that can be granted, and `root`, which is only told. */
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
/** One of them. */
export type Capability = (typeof capabilities)[number];

/** What one policy says of one path. */
export interface PathRule {
  /** As it was written, but for a slash at its front. */
  readonly path: string;
  readonly capabilities: ReadonlySet<Capability>;
  /** In seconds; 0 where nothing is said. */
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

/** Reads HCL or JSON. What Vault knows and we do not is refused: a policy that is half understood is worse than none. */
export function parsePolicy(text: string): PathRule[] {
  const paths = parseHcl(text).path;
  if (paths === undefined) return [];
  if (!isFields(paths)) throw failed('expected "path" to hold paths');
  return Object.entries(paths).map(([path, said]) => ruleOf(path, said as HclValue));
}

const known = new Set(['capabilities', 'policy', 'min_wrapping_ttl', 'max_wrapping_ttl']);

function ruleOf(path: string, said: HclValue): PathRule {
  if (!isFields(said)) throw failed(`path ${JSON.stringify(path)}: expected a block`);
  const strange = Object.keys(said).find((key) => !known.has(key));
  if (strange !== undefined)
    throw failed(
      `path ${JSON.stringify(path)}: this embedded Vault does not know ${JSON.stringify(strange)}`,
    );
  const [minWrap, maxWrap] = [wrapOf(said, 'min_wrapping_ttl'), wrapOf(said, 'max_wrapping_ttl')];
  if (maxWrap > 0 && maxWrap < minWrap)
    throw failed(`path ${JSON.stringify(path)}: max_wrapping_ttl cannot be less than min_wrapping_ttl`);
  return { path: path.replace(/^\//, ''), capabilities: capabilitiesOf(path, said), minWrap, maxWrap };
}

function wrapOf(said: Fields, key: string): number {
  const value = said[key];
  return value === undefined ? 0 : parseSeconds(String(value));
}

/** `deny` beside others stands alone. */
function capabilitiesOf(path: string, said: Fields): Set<Capability> {
  const given = Array.isArray(said.capabilities) ? said.capabilities.map(String) : [];
  const old = typeof said.policy === 'string' ? (shorthand[said.policy] ?? []) : [];
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
