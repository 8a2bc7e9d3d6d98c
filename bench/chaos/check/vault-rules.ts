// Checks Vault's audit log: one-time credentials were used once, and every token was revoked.
import type { History, StoredJob, VaultOperation } from '../history/history.js';
import type { Finding } from './finding.js';
import { groupBy } from './group-by.js';
import { lastBefore, type Opening, VaultTrail } from './vault-trail.js';

/** Every one-time credential was used once, after a look-up, and every token that Vault issued was revoked. */
export function checkVault(history: History): Finding[] {
  const trail = new VaultTrail(history);
  const excused = new Set(tokensOfCutOff(trail));
  return [
    {
      rule: 'wrapping tokens that were opened, or tried, again',
      violations: triedAgain(trail.operations('unwrap')),
    },
    {
      rule: 'wrapping tokens that were opened without a look-up',
      violations: openedWithoutLookUp(history, trail),
    },
    { rule: 'wrapping tokens that were opened for no job, or too late', violations: openedWrongly(trail) },
    { rule: 'jobs back in the queue after their unwrap', violations: queuedAgain(trail) },
    { rule: 'jobs that disagree with Vault about their login', violations: disagreements(history, trail) },
    { rule: 'jobs that logged in twice', violations: loggedInTwice(trail) },
    { rule: 'SecretIDs that were tried again', violations: triedAgain(jobLogins(trail)) },
    {
      rule: 'payloads that were read, or tried, again',
      violations: triedAgain(trail.operations('read payload')),
    },
    { rule: 'SecretIDs that were neither used nor destroyed', violations: unusedSecretIds(trail) },
    { rule: 'tokens that were never revoked', violations: keptTokens(trail, excused) },
    { rule: 'tokens that were used after they revoked themselves', violations: usedAfterwards(history) },
    { rule: 'leaked tokens', violations: history.left.tokens.filter((token) => !excused.has(token)) },
    { rule: 'jobs that asked Vault too often', violations: askedTooOften(trail) },
  ];
}

/** What Vault did once must not be asked of it again. An empty subject is a token that Vault did not know any more. */
function triedAgain(operations: readonly VaultOperation[]): string[] {
  const seen = new Set<string>();
  return operations.flatMap(({ subject, at }) => {
    const isAgain = subject === '' || seen.has(subject);
    seen.add(subject);
    return isAgain ? [`at ${timeOf(at)}`] : [];
  });
}

/** The look-up at submit does not count: the node that claimed the job must look the token up again before it opens it. */
function openedWithoutLookUp({ vault }: History, trail: VaultTrail): string[] {
  const openings = new Map(trail.openings.map((opening) => [opening.wrappingAccessor, opening]));
  const lookUps = new Map<string, number>();
  const found: string[] = [];
  for (const { kind, isDone, subject, at } of vault) {
    if (kind === 'look up' && isDone) lookUps.set(subject, at);
    const opening = kind === 'unwrap' && isDone ? openings.get(subject) : undefined;
    if (opening !== undefined && !wasLookedUp(opening, lookUps.get(opening.wrappingToken)))
      found.push(nameOf(opening));
  }
  return found;
}

function wasLookedUp({ job, at }: Opening, lookedUpAt: number | undefined): boolean {
  return lookedUpAt !== undefined && lookedUpAt >= ((job && claimOf(job, at)) ?? lookedUpAt);
}

function claimOf(job: StoredJob, openedAt: number): number | undefined {
  const announced = lastBefore(job, 'unwrapping', openedAt);
  return lastBefore(job, 'claimed', announced?.at ?? openedAt)?.at;
}

/** A job records that it unwraps before it does. It must not unwrap once a kill was asked for or it has ended. */
function openedWrongly(trail: VaultTrail): string[] {
  return trail.openings.flatMap(({ job, wrappingToken, at }) => {
    if (job === undefined) return trail.isOfMissingJob(wrappingToken) ? [] : [`of no job, at ${timeOf(at)}`];
    const announced = lastBefore(job, 'unwrapping', at);
    if (announced === undefined) return [`of the job ${job.id}, which did not record it before`];
    const over = job.events.findIndex(({ kind }) => endings.includes(kind));
    return over === -1 || over > announced.index
      ? []
      : [`of the job ${job.id}, which was killed or had ended`];
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
    .map(({ id }) => `${id} records a login that Vault did not see`);
}

function loggedInTwice(trail: VaultTrail): string[] {
  const byJob = groupBy(trail.openings, ({ job }) => job);
  return [...byJob].flatMap(([job, openings]) => {
    const count = openings.flatMap(({ tokens }) => tokens).length;
    return job === undefined || count < 2 ? [] : [`${job.id}, ${count} times`];
  });
}

/** Logins with an unwrapped SecretID; the nodes' logins for themselves are left out. */
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

function keptTokens(trail: VaultTrail, excused: ReadonlySet<string>): string[] {
  const over = new Set([...trail.done('revoke self'), ...trail.done('revoke')].map(({ subject }) => subject));
  return trail.openings
    .filter(({ tokens }) => tokens.some((token) => !over.has(token) && !excused.has(token)))
    .map(nameOf);
}

/**
 * Only tokens that revoked themselves count: where another node revoked a token, its holder may not know. A node that was
 * killed meanwhile may still check whether the token is alive.
 */
function usedAfterwards({ vault }: History): string[] {
  const revoked = new Set<string>();
  return vault.flatMap(({ kind, isDone, subject, at }) => {
    if (kind === 'revoke self' && isDone) revoked.add(subject);
    return kind === 'use' && revoked.has(subject) ? [`at ${timeOf(at)}`] : [];
  });
}

/**
 * Jobs whose login was cut off before its answer was recorded, by a kill or a broken connection. Vault may have issued a
 * token that nobody knows and so nobody can revoke: it expires. The SecretID may be unused and unknown as well.
 */
export function lostLogins(jobs: readonly StoredJob[]): StoredJob[] {
  return jobs.filter(({ state, reason, killRequested, ...job }) => {
    const wasInterrupted =
      state === 'lost' || reason === 'infrastructure' || (state === 'canceled' && killRequested);
    return wasInterrupted && hasEvent(job, 'unwrapping') && !hasEvent(job, 'logged_in');
  });
}

/** Which tokens such logins left, by Vault's audit log. */
export function tokensOfLostLogins(history: History): string[] {
  const excused = new Set(tokensOfCutOff(new VaultTrail(history)));
  return history.left.tokens.filter((token) => excused.has(token));
}

function tokensOfCutOff(trail: VaultTrail): string[] {
  return trail.openings.filter(isCutOff).flatMap(({ tokens }) => tokens);
}

function isCutOff({ job }: Opening): boolean {
  return job !== undefined && lostLogins([job]).length > 0;
}

/** How many requests each job made to Vault, without reading its payload in the cubbyhole. */
export function requestsOf(history: History): Map<StoredJob, number> {
  return countRequests(new VaultTrail(history));
}

function countRequests(trail: VaultTrail): Map<StoredJob, number> {
  const counts = new Map<string, number>();
  for (const kind of countedKinds)
    for (const { subject } of trail.operations(kind)) counts.set(subject, (counts.get(subject) ?? 0) + 1);
  const requests = new Map<StoredJob, number>();
  for (const { job, wrappingToken, wrappingAccessor, secretId, secretIdAccessor, tokens } of trail.openings) {
    const subjects = [wrappingToken, wrappingAccessor, secretId, secretIdAccessor, ...tokens];
    const sum = subjects.reduce((total, subject) => total + (counts.get(subject) ?? 0), 0);
    if (job !== undefined) requests.set(job, (requests.get(job) ?? 0) + sum);
  }
  return requests;
}

const countedKinds = [
  'look up',
  'unwrap',
  'log in',
  'revoke self',
  'revoke',
  'destroy',
  'check',
  'use',
] as const;

/**
 * One look-up at submit and two for each claim; one unwrap, one login, one decryption, one secret in this load, and one
 * revocation. The rest allows for requests that are repeated because their answer was cut off.
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
