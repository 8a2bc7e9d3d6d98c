// Checks the history of a chaos run against every rule and returns what violates each.
import type { History } from '../history/history.js';
import { checkEnds } from './ends.js';
import type { Finding } from './finding.js';
import { checkOrder } from './order.js';
import { checkStarts } from './starts.js';
import { checkVault } from './vault-rules.js';

/** Pure: the same history always gives the same findings. */
export function check(history: History): Finding[] {
  return [
    ...checkStarts(history),
    ...checkOrder(history),
    ...checkEnds(history),
    ...checkVault(history),
    ...checkLeftBehind(history),
  ];
}

function checkLeftBehind({ left, jobs, secret, refusals, deaths }: History): Finding[] {
  const leaking = jobs.filter(({ output }) => output.includes(secret));
  return [
    { rule: 'clients that were blamed for a fault', violations: refusals.map(({ text }) => text) },
    { rule: 'nodes that ended by themselves', violations: deaths },
    { rule: 'orphaned containers', violations: left.containers },
    { rule: 'orphaned secrets files', violations: left.hostFiles },
    { rule: 'sealed requests of ended jobs', violations: left.requestRows },
    { rule: 'outputs with a secret', violations: leaking.map(({ id }) => id) },
  ];
}

/** Whether no rule is violated. */
export function isClean(findings: readonly Finding[]): boolean {
  return findings.every(({ violations }) => violations.length === 0);
}
