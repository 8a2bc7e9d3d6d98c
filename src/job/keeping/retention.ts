// Which ended jobs are kept: rules by age and number, for all doors, for one, and for a queue.
import { type Door, doors } from '../job.js';

/** `''` is the rule for everything without one of its own, a door's name or `queue:NAME` that of a place. 0: all are kept. */
export type Rules = ReadonlyMap<string, number>;

/** How long after their end jobs are kept, and how many of each place at most. A place without a rule keeps all. */
export interface Retention {
  readonly ageMs: Rules;
  readonly most: Rules;
}

/** The ended jobs that one pair of rules is about. */
export type Scope = (
  | { readonly queue: string }
  /** Without the queues that have rules of their own. */
  | { readonly door: Door; readonly otherQueues: readonly string[] }
) & { readonly ageMs: number | undefined; readonly most: number | undefined };

const queuePrefix = 'queue:';

/** Every ended job is in one of them at most; what no rule is about is in none. */
export function scopesOf({ ageMs, most }: Retention): Scope[] {
  const ruled = [...new Set([...ageMs.keys(), ...most.keys()])];
  const queues = ruled.filter((place) => place.startsWith(queuePrefix));
  const otherQueues = queues.map((place) => place.slice(queuePrefix.length));
  const rulesOf = (place: string) => ({ ageMs: ruleFor(ageMs, place), most: ruleFor(most, place) });
  const scopes = [
    ...queues.map((place) => ({ queue: place.slice(queuePrefix.length), ...rulesOf(place) })),
    ...doors.map((door) => ({ door, otherQueues, ...rulesOf(door) })),
  ];
  return scopes.filter((scope) => scope.ageMs !== undefined || scope.most !== undefined);
}

function ruleFor(rules: Rules, place: string): number | undefined {
  return (rules.get(place) ?? rules.get('')) || undefined;
}

/** `90d,runai=7d,queue:nightly=30d`: each value read by `parse`. Undefined where a part is wrong or given twice. */
export function parseRules(text: string, parse: (value: string) => number | undefined): Rules | undefined {
  const rules = new Map<string, number>();
  for (const part of text.split(',').map((each) => each.trim())) {
    const at = part.lastIndexOf('=');
    const place = at < 0 ? '' : part.slice(0, at);
    const value = parse(part.slice(at + 1));
    if (value === undefined || rules.has(place) || !isPlace(at < 0 ? undefined : place)) return undefined;
    rules.set(place, value);
  }
  return rules;
}

/** Undefined stands for everything. */
function isPlace(place: string | undefined): boolean {
  if (place === undefined) return true;
  return place.startsWith(queuePrefix) ? place !== queuePrefix : doors.some((door) => door === place);
}
