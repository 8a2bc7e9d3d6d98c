// Says what holds for the jobs of one door in one queue: what the operator allows to all, and what rules add to it.

import type { Door } from '../job.js';
import type { OptionsPolicy } from './policy.js';

/** Where a job belongs. A parent belongs where its children run. */
export interface Place {
  readonly door: Door;
  /** `null`: in none. */
  readonly queue: string | null;
}

/** What jobs of a place may ask for, and what they get. */
export type PolicyFor = (place: Place) => OptionsPolicy;

/** What a rule may widen. Everything else is the same for all jobs. */
type Allowance = {
  readonly [Field in 'users' | 'networks' | 'ports' | 'mounts' | 'capabilities' | 'mostGpus']?:
    | OptionsPolicy[Field]
    | undefined;
} & { readonly images?: OptionsPolicy['images']['allowed'] | undefined };

export interface AllowRule {
  /** Undefined: of any door. */
  readonly door?: Door | undefined;
  /** The name of a queue, in which `*` stands for any characters. Undefined: any queue or none. */
  readonly queue?: string | undefined;
  readonly allows: Allowance;
}

/**
 * All rules that fit a job add up, in whatever order. No rule takes anything away, so who looks for what a job may do reads
 * the settings for all jobs and the rules that fit it, and nothing else.
 */
export function policiesOf(forAll: OptionsPolicy, rules: readonly AllowRule[]): PolicyFor {
  return (place) =>
    rules.filter((rule) => fits(rule, place)).reduce((policy, { allows }) => widen(policy, allows), forAll);
}

/** A job without a queue fits only rules that name none. */
function fits({ door, queue: pattern }: AllowRule, place: Place): boolean {
  if (door !== undefined && door !== place.door) return false;
  return pattern === undefined || (place.queue !== null && matches(pattern, place.queue));
}

/** Looks for each part behind the one before, so that no name takes long: clients choose them. */
function matches(pattern: string, name: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  const last = parts.pop();
  if (last === undefined) return name === first;
  let at = name.startsWith(first) ? first.length : -1;
  for (const part of parts) {
    const found = at < 0 ? -1 : name.indexOf(part, at);
    at = found < 0 ? -1 : found + part.length;
  }
  return at >= 0 && at + last.length <= name.length && name.endsWith(last);
}

function widen(policy: OptionsPolicy, allows: Allowance): OptionsPolicy {
  const { images = [], users = [], networks = [], ports = [], mounts = [], capabilities = [] } = allows;
  return {
    ...policy,
    images: { ...policy.images, allowed: [...policy.images.allowed, ...images] },
    users: [...policy.users, ...users],
    networks: [...policy.networks, ...networks],
    ports: [...policy.ports, ...ports],
    mounts: [...policy.mounts, ...mounts],
    capabilities: [...new Set([...policy.capabilities, ...capabilities])],
    mostGpus: Math.max(policy.mostGpus, allows.mostGpus ?? 0),
  };
}
