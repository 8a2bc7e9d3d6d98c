// Formats the figures and the findings of a chaos run as a table.
import { isDisturbed } from './check/ends.js';
import type { Finding } from './check/finding.js';
import { lostLogins, requestsOf, tokensOfLostLogins } from './check/vault-rules.js';
import type { ChaosResult } from './run.js';

/** What was done, how the jobs ended, and how often each rule was violated; one line a figure. */
export function tableOf({ history, load, seconds }: ChaosResult, findings: readonly Finding[]): string[] {
  const { jobs, faults } = history;
  const states = countBy(
    jobs.map(({ state, reason }) => (reason === undefined ? state : `${state} (${reason})`)),
  );
  return [
    row('jobs accepted', load.accepted.length),
    row('jobs stored', jobs.length),
    row('posts without an answer', load.unanswered),
    row('posts refused for the moment (429, 5xx)', load.refusedForNow),
    row('load', `${seconds.load.toFixed(0)} s, ${(jobs.length / seconds.load).toFixed(1)} jobs/s`),
    row('until all jobs had ended, after the last fault', `${seconds.quiet.toFixed(1)} s`),
    row('faults', faults.length),
    ...countBy(faults.map(({ kind }) => kind)).map(([kind, count]) => row(`  ${kind}`, count)),
    ...states.map(([state, count]) => row(`jobs ${state}`, count)),
    row('jobs lost or interrupted, each in a fault', jobs.filter(isDisturbed).length),
    row('jobs whose login was cut off', lostLogins(jobs).length),
    row('unknown tokens that such a login left', tokensOfLostLogins(history).length),
    row('requests in the audit log of Vault', history.vault.length),
    row('requests to Vault for one job', spreadOf([...requestsOf(history).values()])),
    row('jobs back in the queue after a fault', jobs.filter(wasClaimedAgain).length),
    ...findings.map(({ rule, violations }) => row(rule, `${violations.length} (target: 0)`)),
  ];
}

function wasClaimedAgain({ events }: { readonly events: readonly { readonly kind: string }[] }): boolean {
  return events.filter(({ kind }) => kind === 'claimed').length > 1;
}

function spreadOf(counts: readonly number[]): string {
  if (counts.length === 0) return 'none';
  const sum = counts.reduce((total, count) => total + count, 0);
  return `${(sum / counts.length).toFixed(1)} on average, ${Math.max(...counts)} at most`;
}

function countBy(names: readonly string[]): [string, number][] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function row(name: string, figure: number | string): string {
  return `${name.padEnd(52)} ${figure}`;
}
