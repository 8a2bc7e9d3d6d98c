import type { Finding } from './check.js';
import type { History, StoredJob, VaultDeed } from './history.js';

/** By Vault's own word: each one-shot credential was used once, after a look, and all that was given was given back. */
export function checkVault(history: History): Finding[] {
  const trail = new VaultTrail(history);
  return [
    { rule: 'wraps that were opened, or tried, again', violations: trail.wrapsTriedAgain() },
    { rule: 'wraps that were opened without a look', violations: trail.openedUnseen() },
    { rule: 'jobs that disagree with Vault about their wrap', violations: trail.disagreements() },
    { rule: 'SecretIDs that were tried again', violations: triedAgain(trail.jobLogins()) },
    { rule: 'payloads that were read, or tried, again', violations: triedAgain(trail.deeds('read payload')) },
    { rule: 'SecretIDs that were neither used nor destroyed', violations: trail.unusedSecretIds() },
    { rule: 'tokens that were never given back', violations: trail.keptTokens() },
    { rule: 'leaked tokens', violations: trail.leakedTokens() },
  ];
}

/** What Vault did once must not be asked of it twice; what it no longer knows has no name. */
function triedAgain(deeds: readonly VaultDeed[]): string[] {
  const seen = new Set<string>();
  return deeds.flatMap(({ subject, at }) => {
    const isAgain = subject === '' || seen.has(subject);
    seen.add(subject);
    return isAgain ? [`at ${new Date(at).toISOString()}`] : [];
  });
}

/**
 * Jobs whose login was cut off before anybody had its answer, by a kill or a broken line. Vault may have made a token that
 * nobody knows and nobody can give back: it ends with its time. The SecretID may be unused, and known to nobody as well.
 */
export function lostLogins(jobs: readonly StoredJob[]): StoredJob[] {
  return jobs.filter(({ state, reason, events }) => {
    const kinds = events.map(({ kind }) => kind);
    const isBrokenOff = state === 'lost' || reason === 'infrastructure';
    return isBrokenOff && kinds.includes('unwrapping') && !kinds.includes('logged_in');
  });
}

/** Which tokens such logins left, by Vault's own word. */
export function tokensOfLostLogins(history: History): string[] {
  return new VaultTrail(history).forgivenTokens();
}

/** Follows the audit log from wrap to SecretID to token, and from a wrap to its job. */
class VaultTrail {
  readonly #history: History;
  readonly #jobs: ReadonlyMap<string, StoredJob>;
  /** By the wrapping token's accessor. */
  readonly #wraps: ReadonlyMap<string, VaultDeed>;
  /** By the SecretID. */
  readonly #unwraps: ReadonlyMap<string, VaultDeed>;
  readonly #logins: readonly VaultDeed[];
  readonly #cutOff: ReadonlySet<StoredJob>;
  readonly #isOneUnknownCutOff: boolean;
  /** Tokens of logins that may have been cut off. */
  readonly #forgiven: ReadonlySet<string>;

  constructor(history: History) {
    this.#history = history;
    const byId = new Map(history.jobs.map((job) => [job.id, job]));
    this.#jobs = new Map(
      history.accepted.flatMap(({ wrap, id }) => {
        const job = byId.get(id);
        return job === undefined ? [] : [[wrap, job] as const];
      }),
    );
    this.#wraps = new Map(this.deeds('wrap').map((deed) => [deed.gives[0] ?? '', deed]));
    this.#unwraps = new Map(this.#opened().map((deed) => [deed.gives[0] ?? '', deed]));
    this.#logins = this.jobLogins().filter(({ isDone }) => isDone);
    this.#cutOff = new Set(lostLogins(history.jobs));
    const known = new Set(history.accepted.map(({ id }) => id));
    this.#isOneUnknownCutOff = [...this.#cutOff].some(({ id }) => !known.has(id));
    this.#forgiven = new Set(this.#findForgiven());
  }

  deeds(kind: VaultDeed['kind']): VaultDeed[] {
    return this.#history.vault.filter((deed) => deed.kind === kind);
  }

  /** With a SecretID from a wrap; the nodes log in for themselves, too. */
  jobLogins(): VaultDeed[] {
    return this.deeds('log in').filter(({ subject }) => this.#unwraps.has(subject));
  }

  wrapsTriedAgain(): string[] {
    return triedAgain(this.deeds('unwrap')).map((text) => `some wrap ${text}`);
  }

  openedUnseen(): string[] {
    const seen = new Set<string>();
    const unseen: string[] = [];
    for (const { kind, isDone, subject } of this.#history.vault) {
      if (!isDone) continue;
      if (kind === 'look up') seen.add(subject);
      const wrap = kind === 'unwrap' ? this.#wraps.get(subject)?.subject : undefined;
      if (wrap !== undefined && !seen.has(wrap)) unseen.push(this.#nameOf(wrap));
    }
    return unseen;
  }

  /** A job says that it opens its wrap before it does, and that it has logged in after it has. */
  disagreements(): string[] {
    const opened = new Set(this.#opened().map(({ subject }) => this.#wraps.get(subject)?.subject));
    const loggedIn = new Set(this.#logins.map((login) => this.#wrapOf(login)));
    return [...this.#jobs].flatMap(([wrap, { id, events }]) => {
      const says = (kind: string) => events.some((event) => event.kind === kind);
      if (opened.has(wrap) && !says('unwrapping')) return [`${id} does not say that its wrap was opened`];
      if (says('logged_in') && !loggedIn.has(wrap)) return [`${id} says it has logged in, Vault does not`];
      return [];
    });
  }

  unusedSecretIds(): string[] {
    const tried = new Set(this.deeds('log in').map(({ subject }) => subject));
    const destroyed = new Set(this.deeds('destroy').map(({ subject }) => subject));
    return [...this.#unwraps].flatMap(
      ([
        secretId,
        {
          subject,
          gives: [, accessor = ''],
        },
      ]) => {
        const wrap = this.#wraps.get(subject)?.subject ?? '';
        return tried.has(secretId) || destroyed.has(accessor) || this.#isCutOff(wrap)
          ? []
          : [this.#nameOf(wrap)];
      },
    );
  }

  keptTokens(): string[] {
    const revoked = new Set(this.deeds('revoke').flatMap(({ isDone, subject }) => (isDone ? [subject] : [])));
    return this.#logins.flatMap((login) => {
      const [token = ''] = login.gives;
      return revoked.has(token) || this.#forgiven.has(token) ? [] : [this.#nameOf(this.#wrapOf(login))];
    });
  }

  /** Of those that Vault still knows. */
  leakedTokens(): string[] {
    return this.#history.left.tokens.filter((token) => !this.#forgiven.has(token));
  }

  forgivenTokens(): string[] {
    return this.#history.left.tokens.filter((token) => this.#forgiven.has(token));
  }

  #opened(): VaultDeed[] {
    return this.deeds('unwrap').filter(({ isDone, subject }) => isDone && this.#wraps.has(subject));
  }

  #findForgiven(): string[] {
    const cutOff = this.#logins.filter((login) => this.#isCutOff(this.#wrapOf(login)));
    return cutOff.flatMap(({ gives }) => gives);
  }

  #wrapOf({ subject }: VaultDeed): string {
    return this.#wraps.get(this.#unwraps.get(subject)?.subject ?? '')?.subject ?? '';
  }

  /** Of a job whose client never heard its id, nobody can tell which wrap it had: it counts where there is such a job. */
  #isCutOff(wrap: string): boolean {
    const job = this.#jobs.get(wrap);
    return job === undefined ? this.#isOneUnknownCutOff : this.#cutOff.has(job);
  }

  #nameOf(wrap: string): string {
    return `of the job ${this.#jobs.get(wrap)?.id ?? 'whose post had no answer'}`;
  }
}
