import type { History, StoredJob, VaultOperation } from '../history/history.js';
import type { Finding } from './finding.js';
import { groupBy } from './group-by.js';
import { lastBefore, type Opening, VaultTrail } from './vault-trail.js';

/** By Vault's own word: each one-shot credential was used once, after a look, and all that was given was given back. */
export function checkVault(history: History): Finding[] {
  const trail = new VaultTrail(history);
  const forgiven = new Set(tokensOfCutOff(trail));
  return [
    { rule: 'wraps that were opened, or tried, again', violations: triedAgain(trail.operations('unwrap')) },
    { rule: 'wraps that were opened without a look', violations: openedUnseen(history, trail) },
    { rule: 'wraps that were opened for no job, or too late', violations: openedWrongly(trail) },
    { rule: 'jobs back in the queue with an opened wrap', violations: queuedAgain(trail) },
    { rule: 'jobs that disagree with Vault about their login', violations: disagreements(history, trail) },
    { rule: 'jobs that logged in twice', violations: loggedInTwice(trail) },
    { rule: 'SecretIDs that were tried again', violations: triedAgain(jobLogins(trail)) },
    {
      rule: 'payloads that were read, or tried, again',
      violations: triedAgain(trail.operations('read payload')),
    },
    { rule: 'SecretIDs that were neither used nor destroyed', violations: unusedSecretIds(trail) },
    { rule: 'tokens that were never given back', violations: keptTokens(trail, forgiven) },
    { rule: 'tokens that were used after they were given back', violations: usedAfterwards(history) },
    { rule: 'leaked tokens', violations: history.left.tokens.filter((token) => !forgiven.has(token)) },
    { rule: 'jobs that asked Vault too often', violations: askedTooOften(trail) },
  ];
}

/** What Vault did once must not be asked of it twice; what it never knew has no name. */
function triedAgain(operations: readonly VaultOperation[]): string[] {
  const seen = new Set<string>();
  return operations.flatMap(({ subject, at }) => {
    const isAgain = subject === '' || seen.has(subject);
    seen.add(subject);
    return isAgain ? [`at ${timeOf(at)}`] : [];
  });
}

/** By a node that had the job, not by the one that took it in: what is to be opened is looked at again. */
function openedUnseen({ vault }: History, trail: VaultTrail): string[] {
  const openings = new Map(trail.openings.map((opening) => [opening.wrapAccessor, opening]));
  const looks = new Map<string, number>();
  const unseen: string[] = [];
  for (const { kind, isDone, subject, at } of vault) {
    if (kind === 'look up' && isDone) looks.set(subject, at);
    const opening = kind === 'unwrap' && isDone ? openings.get(subject) : undefined;
    if (opening !== undefined && !isSeen(opening, looks.get(opening.wrap))) unseen.push(nameOf(opening));
  }
  return unseen;
}

function isSeen({ job, at }: Opening, lookedAt: number | undefined): boolean {
  return lookedAt !== undefined && lookedAt >= ((job && claimOf(job, at)) ?? lookedAt);
}

function claimOf(job: StoredJob, openedAt: number): number | undefined {
  const announced = lastBefore(job, 'unwrapping', openedAt);
  return lastBefore(job, 'claimed', announced?.at ?? openedAt)?.at;
}

/** A job says that it opens its wrap before it does; and it must not, once it is to be killed or has ended. */
function openedWrongly(trail: VaultTrail): string[] {
  return trail.openings.flatMap(({ job, wrap, at }) => {
    if (job === undefined) return trail.isOfMissingJob(wrap) ? [] : [`some wrap at ${timeOf(at)}`];
    const announced = lastBefore(job, 'unwrapping', at);
    if (announced === undefined) return [`of the job ${job.id}, which has not said so`];
    const over = job.events.findIndex(({ kind }) => endings.includes(kind));
    return over === -1 || over > announced.index ? [] : [`of the job ${job.id}, which was over`];
  });
}

const endings: readonly string[] = ['kill_requested', 'succeeded', 'failed', 'canceled', 'lost'];

function queuedAgain(trail: VaultTrail): string[] {
  return trail.openings.flatMap(({ job, at }) => {
    const back = job?.events.find((event) => event.at > at && restarts.includes(event.kind));
    return job === undefined || back === undefined ? [] : [`${job.id}: ${back.kind}`];
  });
}

const restarts: readonly string[] = ['postponed', 'queued', 'claimed'];

function disagreements({ jobs }: History, trail: VaultTrail): string[] {
  const loggedIn = new Set(trail.openings.flatMap(({ job, tokens }) => (tokens.length > 0 ? [job] : [])));
  return jobs
    .filter((job) => hasEvent(job, 'logged_in') && !loggedIn.has(job))
    .map(({ id }) => `${id} says it has logged in, Vault does not`);
}

function loggedInTwice(trail: VaultTrail): string[] {
  const byJob = groupBy(trail.openings, ({ job }) => job);
  return [...byJob].flatMap(([job, openings]) => {
    const count = openings.flatMap(({ tokens }) => tokens).length;
    return job === undefined || count < 2 ? [] : [`${job.id}, ${count} times`];
  });
}

/** With a SecretID from a wrap; the nodes log in for themselves, too. */
function jobLogins(trail: VaultTrail): VaultOperation[] {
  const ofJobs = new Set(trail.openings.map(({ secretId }) => secretId));
  return trail.operations('log in').filter(({ subject }) => ofJobs.has(subject));
}

function unusedSecretIds(trail: VaultTrail): string[] {
  const destroyed = new Set(trail.done('destroy').map(({ subject }) => subject));
  return trail.openings
    .filter(({ tokens, secretIdAccessor }) => tokens.length === 0 && !destroyed.has(secretIdAccessor))
    .filter((opening) => !isCutOff(opening))
    .map(nameOf);
}

function keptTokens(trail: VaultTrail, forgiven: ReadonlySet<string>): string[] {
  const over = new Set([...trail.done('give back'), ...trail.done('revoke')].map(({ subject }) => subject));
  return trail.openings
    .filter(({ tokens }) => tokens.some((token) => !over.has(token) && !forgiven.has(token)))
    .map(nameOf);
}

/**
 * By themselves: of one that another node has revoked, its holder may not have heard. A node that was killed in the middle
 * may still ask whether the token lives.
 */
function usedAfterwards({ vault }: History): string[] {
  const givenBack = new Set<string>();
  return vault.flatMap(({ kind, isDone, subject, at }) => {
    if (kind === 'give back' && isDone) givenBack.add(subject);
    return kind === 'use' && givenBack.has(subject) ? [`at ${timeOf(at)}`] : [];
  });
}

/**
 * Jobs whose login was cut off before anybody had its answer or had written it down, by a kill or a broken line. Vault may
 * have made a token that nobody can give back: it ends with its time. The SecretID may be unused, and known to nobody too.
 */
export function lostLogins(jobs: readonly StoredJob[]): StoredJob[] {
  return jobs.filter(({ state, reason, killRequested, ...job }) => {
    const isBrokenOff =
      state === 'lost' || reason === 'infrastructure' || (state === 'canceled' && killRequested);
    return isBrokenOff && hasEvent(job, 'unwrapping') && !hasEvent(job, 'logged_in');
  });
}

/** Which tokens such logins left, by Vault's own word. */
export function tokensOfLostLogins(history: History): string[] {
  const forgiven = new Set(tokensOfCutOff(new VaultTrail(history)));
  return history.left.tokens.filter((token) => forgiven.has(token));
}

function tokensOfCutOff(trail: VaultTrail): string[] {
  return trail.openings.filter(isCutOff).flatMap(({ tokens }) => tokens);
}

function isCutOff({ job }: Opening): boolean {
  return job !== undefined && lostLogins([job]).length > 0;
}

/** How many requests each job made of Vault, its payload in the cubbyhole not counted. */
export function requestsOf(history: History): Map<StoredJob, number> {
  return countRequests(new VaultTrail(history));
}

function countRequests(trail: VaultTrail): Map<StoredJob, number> {
  const counts = new Map<string, number>();
  for (const kind of countedKinds)
    for (const { subject } of trail.operations(kind)) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  const requests = new Map<StoredJob, number>();
  for (const { job, wrap, wrapAccessor, secretId, secretIdAccessor, tokens } of trail.openings) {
    const subjects = [wrap, wrapAccessor, secretId, secretIdAccessor, ...tokens];
    const sum = subjects.reduce((total, subject) => total + (counts.get(subject) ?? 0), 0);
    if (job !== undefined) requests.set(job, (requests.get(job) ?? 0) + sum);
  }
  return requests;
}

const countedKinds = [
  'look up',
  'unwrap',
  'log in',
  'give back',
  'revoke',
  'destroy',
  'check',
  'use',
] as const;

/**
 * A look when the job is taken in and two for each claim; one unwrap, one login, one decryption, one secret in this load,
 * and one revocation. What is left is for requests that are made again because their answer was cut off.
 */
function askedTooOften(trail: VaultTrail): string[] {
  return [...countRequests(trail)].flatMap(([job, count]) => {
    const claims = job.events.filter(({ kind }) => kind === 'claimed').length;
    return count <= mostRequests + 2 * claims ? [] : [`${job.id}, ${count} times`];
  });
}

const mostRequests = 10;

function hasEvent({ events }: Pick<StoredJob, 'events'>, kind: string): boolean {
  return events.some((event) => event.kind === kind);
}

function nameOf({ job, at }: Opening): string {
  return job === undefined ? `of an unknown job, opened at ${timeOf(at)}` : `of the job ${job.id}`;
}

function timeOf(at: number): string {
  return new Date(at).toISOString();
}
