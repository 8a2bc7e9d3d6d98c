// Decides what a set of policies allows on a path, by the precedence rules of Vault.

import type { Operation } from '../engines/engine.js';
import type { Capability, PathRule } from './policy-language.js';

/** The action of a request, once it is known whether a write creates. */
export type AclAction = Exclude<Operation, 'write'> | 'create' | 'update';

type Rights = Omit<PathRule, 'path'>;

/** The combined rights of several policies. */
export class Acl {
  readonly isRoot: boolean;
  readonly #exact = new Map<string, Rights>();
  readonly #globs = new Map<string, Rights>();

  constructor(rules: readonly PathRule[], isRoot = false) {
    this.isRoot = isRoot;
    for (const { path, ...rights } of rules) {
      const group = path.endsWith('*') || hasWildSegment(path) ? this.#globs : this.#exact;
      group.set(path, join(group.get(path), rights));
    }
  }

  allows(action: AclAction, path: string, wrapSeconds: number): boolean {
    if (this.isRoot) return true;
    const rights = this.#rightsAt(path, action === 'list');
    if (rights === undefined || !rights.capabilities.has(action)) return false;
    if (rights.maxWrap > 0 && (wrapSeconds === 0 || wrapSeconds > rights.maxWrap)) return false;
    return rights.minWrap === 0 || wrapSeconds >= rights.minWrap;
  }

  isSudo(path: string): boolean {
    return this.isRoot || (this.#rightsAt(path, false)?.capabilities.has('sudo') ?? false);
  }

  /** Whether anything at all is allowed below this mount. */
  reaches(mount: string): boolean {
    if (this.isRoot) return true;
    const rules = [...this.#exact, ...this.#globs];
    return rules.some(([path, { capabilities }]) => {
      const fixedPart = path.replace(/[+*].*$/s, '');
      const isNear = path.startsWith(mount) || (fixedPart !== path && mount.startsWith(fixedPart));
      return isNear && !capabilities.has('deny') && capabilities.size > 0;
    });
  }

  /** In the form of `sys/capabilities-self`. */
  capabilitiesAt(path: string): Capability[] {
    if (this.isRoot) return ['root'];
    const has = this.#rightsAt(path, true)?.capabilities ?? new Set<Capability>();
    const order: Capability[] = ['create', 'delete', 'list', 'patch', 'read', 'sudo', 'update'];
    const found = order.filter((name) => has.has(name));
    return found.length === 0 || has.has('deny') ? ['deny'] : found;
  }

  /** An exact path takes precedence over all patterns. A list may be granted with or without the slash at its end. */
  #rightsAt(path: string, isList: boolean): Rights | undefined {
    const exact = this.#exact.get(path) ?? (isList ? this.#exact.get(path.replace(/\/$/, '')) : undefined);
    if (exact !== undefined) return exact;
    const matching = [...this.#globs.keys()].filter((pattern) => matches(pattern, path));
    const best = matching.toSorted(byPriority).at(-1);
    return best === undefined ? undefined : this.#globs.get(best);
  }
}

/** A denial in one policy wins; otherwise the rights are added. */
function join(one: Rights | undefined, other: Rights): Rights {
  if (one === undefined) return other;
  const both = new Set([...one.capabilities, ...other.capabilities]);
  return {
    capabilities: both.has('deny') ? new Set(['deny']) : both,
    minWrap: least(one.minWrap, other.minWrap),
    maxWrap: least(one.maxWrap, other.maxWrap),
  };
}

/** 0 means not set. */
function least(one: number, other: number): number {
  return one > 0 && other > 0 ? Math.min(one, other) : one || other;
}

/** `+` matches exactly one segment, and only if it is the whole segment. */
function hasWildSegment(path: string): boolean {
  return path === '+' || path.startsWith('+/') || path.includes('/+');
}

function matches(pattern: string, path: string): boolean {
  const isPrefix = pattern.endsWith('*');
  const segments = (isPrefix ? pattern.slice(0, -1) : pattern).split('/');
  const actual = path.split('/');
  if (actual.length < segments.length || (!isPrefix && actual.length !== segments.length)) return false;
  return segments.every((segment, index) => {
    const piece = actual[index] ?? '';
    const isLast = index === segments.length - 1;
    return segment === '+' || segment === piece || (isPrefix && isLast && piece.startsWith(segment));
  });
}

/** Vault's order, the weakest first: an early wildcard, a glob at the end, many wild segments, a short pattern. */
function byPriority(a: string, b: string): number {
  const [one, other] = [traitsOf(a), traitsOf(b)];
  return (
    one.firstWild - other.firstWild ||
    Number(other.isPrefix) - Number(one.isPrefix) ||
    other.wildSegments - one.wildSegments ||
    one.length - other.length ||
    (a < b ? -1 : 1)
  );
}

function traitsOf(pattern: string) {
  const isPrefix = pattern.endsWith('*');
  const bare = isPrefix ? pattern.slice(0, -1) : pattern;
  const wild = hasWildSegment(bare) ? bare.indexOf('+') : bare.length;
  const wildSegments = bare.split('/').filter((segment) => segment === '+').length;
  return { firstWild: wild, isPrefix, wildSegments, length: bare.length };
}
