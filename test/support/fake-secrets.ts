import { randomBytes } from 'node:crypto';
import type {
  AdoptedIdentity,
  KeptLogin,
  LoginTerms,
  ReadOptions,
  SecretSession,
  Secrets,
  SecretValues,
  SeenWrappingToken,
  SessionHooks,
  WrappingTokenFacts,
} from '../../src/executor/secrets.js';
import type { SecretRead } from '../../src/job/audit/secret-read.js';
import { BrokenError, JobFailedError, RefusedError } from '../../src/job/errors.js';
import { Secret } from '../../src/job/secret.js';
import {
  jobLostVault,
  VaultFailure,
  vaultReplyLost,
  vaultUnavailable,
} from '../../src/vault/client/errors.js';
import { jsonText } from '../../src/vault/client/exact-json.js';
import type { GoneVersion } from '../../src/vault/client/kv2-answer.js';
import { encodePath } from '../../src/vault/client/path.js';
import { groupReferences, keysRead, type PathRead } from '../../src/vault/reading/reference.js';
import {
  keysMissing,
  nothingThere,
  readFailed,
  versionGone,
  warned,
} from '../../src/vault/reading/refusals.js';
import { sharedLoginOver } from '../../src/vault/session/joined-login.js';
import { checkCiphertext } from '../../src/vault/session/payload.js';
import { wrappingTokenNotOurs } from '../../src/vault/wrapping/refusals.js';
import { isMadeByRole, wrappingTokenGone } from '../../src/vault/wrapping/wrapping.js';

export type FakePhase = 'payload' | 'lookUp' | 'unwrap' | 'login' | 'decrypt' | 'read' | 'renew' | 'revoke';
export type FakeFault = 'sealed' | 'reply_lost';

interface FakeWrappingToken {
  readonly creationPath: string;
  readonly knowledge: WrappingTokenFacts;
  used: boolean;
  seen: boolean;
}

/** The secret at a path. */
export type FakeSecret =
  | { readonly data: Readonly<Record<string, unknown>>; readonly warnings?: readonly string[] }
  | 'denied'
  | { readonly gone: GoneVersion };

const ownRole = { mount: 'approle', role: 'job' };
const secretIdPath = 'auth/approle/role/job/secret-id';

/**
 * Secrets without a Vault, under the same contract. Tests add wrapping tokens, payloads and secrets, let phases fail, and
 * check what was requested. It never retries: where the real one does until a deadline, this one fails at once.
 */
export class FakeSecrets implements Secrets {
  /** Of every login. */
  terms: LoginTerms = { leases: [], renewInMs: 600_000 };
  /** Those that were renewed, in order. */
  readonly renewed: KeptLogin[] = [];
  /** Those that renew the token they joined. */
  joinedToRenew = 0;
  /** Everything that was requested, in order. */
  readonly asked: FakePhase[] = [];
  readonly #wraps = new Map<string, FakeWrappingToken>();
  readonly #payloads = new Map<string, string>();
  readonly #plain = new Map<string, string>();
  readonly #secrets = new Map<string, FakeSecret>();
  readonly #versions = new Map<string, number>();
  readonly #alive = new Set<string>();
  readonly #accessors = new Map<string, string>();
  readonly #faults = new Map<FakePhase, FakeFault>();
  /** What sessions were told about their wrapping tokens. */
  readonly #given = new Map<string, WrappingTokenFacts>();

  /** A wrapped SecretID, by default of the jobs' role. */
  addWrap(options: { ttlMs?: number; creationPath?: string } = {}): Secret {
    const { ttlMs = 300_000, creationPath = secretIdPath } = options;
    const knowledge = { ttlMs, expiresAt: Date.now() + ttlMs };
    const token = `wrap.${randomName()}`;
    this.#wraps.set(token, { creationPath, knowledge, used: false, seen: false });
    return new Secret(token);
  }

  /** Somebody else opens the wrapping token. */
  stealWrap(wrap: Secret): void {
    const found = this.#wraps.get(wrap.reveal());
    if (found !== undefined) found.used = true;
  }

  addPayload(payload: string): { token: Secret; path: string } {
    const token = `cubby.${randomName()}`;
    this.#payloads.set(`${token} cubbyhole/job`, payload);
    return { token: new Secret(token), path: 'cubbyhole/job' };
  }

  /** A ciphertext that `decrypt` opens. */
  encrypt(text: string): string {
    const ciphertext = `vault:v1:${randomBytes(24).toString('base64')}`;
    this.#plain.set(ciphertext, text);
    return ciphertext;
  }

  setSecret(path: string, secret: FakeSecret): void {
    this.#secrets.set(path, secret);
  }

  /** As `setSecret`, and counts the versions. */
  writeSecret(path: string, data: Readonly<Record<string, unknown>>): void {
    this.setSecret(path, { data });
    this.#versions.set(path, (this.#versions.get(path) ?? 0) + 1);
  }

  deleteVersion(path: string): void {
    this.#secrets.set(path, { gone: this.#goneAt(path, { deletedAt: now() }) });
  }

  destroyVersion(path: string): void {
    this.#secrets.set(path, { gone: this.#goneAt(path, { isDestroyed: true }) });
  }

  /** `reply_lost` happens once; `sealed` lasts until `heal`. */
  fail(phase: FakePhase, how: FakeFault): void {
    this.#faults.set(phase, how);
  }

  heal(): void {
    this.#faults.clear();
  }

  isAlive(accessor: string): boolean {
    return this.#alive.has(accessor);
  }

  /** Accessors of all tokens that were not revoked. */
  get alive(): readonly string[] {
    return [...this.#alive];
  }

  count(phase: FakePhase): number {
    return this.asked.filter((each) => each === phase).length;
  }

  async readCubbyhole({ token, path }: { token: Secret; path: string }): Promise<string> {
    if (!path.startsWith('cubbyhole/') || encodePath(path) === undefined)
      throw new RefusedError('invalid_request', 'Expected `cubby_path` to be `cubbyhole/` and a plain name.');
    const fault = this.#ask('payload');
    if (fault === 'sealed') throw vaultUnavailable('read the payload', sealed);
    const name = `${token.reveal()} ${path}`;
    const payload = this.#payloads.get(name);
    this.#payloads.delete(name);
    if (fault === 'reply_lost')
      throw new BrokenError('vault_reply_lost', 'Could not read the payload.', { retryable: false });
    if (payload !== undefined) return payload;
    throw new RefusedError(
      'cubbyhole_unreadable',
      'Could not read the payload: POSSIBLE SECURITY/INTERCEPTION ALERT.',
    );
  }

  async lookUpWrappingToken(wrap: Secret): Promise<SeenWrappingToken> {
    this.lookUp(wrap);
    const { knowledge } = this.#findWrappingToken(wrap);
    return { ...knowledge, leftMs: knowledge.expiresAt - Date.now() };
  }

  session(wrap: Secret, hooks: SessionHooks, known?: WrappingTokenFacts): SecretSession {
    if (known !== undefined) this.#given.set(wrap.reveal(), known);
    return new FakeSession(this, wrap, hooks);
  }

  /** For the session: looks a wrapping token up. */
  lookUp(wrap: Secret): void {
    if (this.#ask('lookUp') !== undefined) throw vaultUnavailable('look up the wrapped SecretID', sealed);
    const found = this.#findWrappingToken(wrap);
    if (!isMadeByRole(found.creationPath, ownRole))
      throw wrappingTokenNotOurs(found.creationPath, secretIdPath);
    found.seen = true;
  }

  /** For the session: opens a wrapping token. */
  unwrap(wrap: Secret): void {
    const fault = this.#ask('unwrap');
    if (fault === 'sealed') throw vaultUnavailable('open the wrapped SecretID', sealed);
    this.#findWrappingToken(wrap).used = true;
    if (fault === 'reply_lost') throw vaultReplyLost('open the wrapped SecretID', lost);
  }

  adopt(identity: AdoptedIdentity, hooks: Pick<SessionHooks, 'onRevoked'>): AsyncDisposable {
    const { accessor } = identity;
    const close = async () => {
      if (accessor !== null && this.revoke(accessor)) await hooks.onRevoked().catch(() => undefined);
    };
    let closing: Promise<void> | undefined;
    return { [Symbol.asyncDispose]: () => (closing ??= close()) };
  }

  async renew(login: KeptLogin): Promise<LoginTerms> {
    if (this.#ask('renew') !== undefined) throw vaultUnavailable('renew a login', sealed);
    this.renewed.push(login);
    return this.isAlive(login.accessor) ? this.terms : { leases: [], renewInMs: undefined };
  }

  join(token: Secret, renewal: 'own' | 'others'): SecretSession {
    if (renewal === 'own') this.joinedToRenew++;
    return {
      lookUp: async () => undefined,
      decrypt: async () => {
        throw new Error('Expected no payload.');
      },
      read: async (references, options) => {
        if (!this.isAlive(this.#accessors.get(token.reveal()) ?? '')) throw sharedLoginOver();
        return readAll(this, groupReferences(references), options);
      },
      readKeys: async (path, keys, options) => {
        if (!this.isAlive(this.#accessors.get(token.reveal()) ?? '')) throw sharedLoginOver();
        return readAll(this, [keysRead(path, keys)], options);
      },
      token: async () => token,
      terms: () => ({ leases: [], renewInMs: undefined }),
      release: () => undefined,
      [Symbol.asyncDispose]: async () => undefined,
    };
  }

  /** For the session: the accessor of a new token. */
  logIn(token: Secret): string {
    const fault = this.#ask('login');
    if (fault === 'sealed') throw jobLostVault('log in', sealed);
    if (fault === 'reply_lost') throw vaultReplyLost('log in', lost);
    const accessor = `accessor.${randomName()}`;
    this.#alive.add(accessor);
    this.#accessors.set(token.reveal(), accessor);
    return accessor;
  }

  /** For the session. */
  decrypt(ciphertext: string): string {
    if (this.#ask('decrypt') !== undefined) throw jobLostVault('decrypt the payload', sealed);
    const text = this.#plain.get(ciphertext);
    if (text !== undefined) return text;
    throw new JobFailedError('payload_refused', 'decrypt_refused', 'Could not decrypt the payload.');
  }

  /** For the session: one path. */
  read(read: PathRead, { continueOnWarnings, given }: ReadTracker): [string, Secret][] {
    if (this.#ask('read') !== undefined) throw readFailed(read, sealed);
    const secret = this.#secrets.get(read.path);
    if (secret === undefined) throw nothingThere(read);
    if (secret === 'denied') throw readFailed(read, new VaultFailure('denied', { status: 403 }));
    if ('gone' in secret) throw versionGone(read, secret.gone);
    const { data, warnings = [] } = secret;
    const version = read.path.includes('/data/') ? this.#versions.get(read.path) : undefined;
    const wanted = read.references.filter(
      ({ key, isOptional }) => isOptional !== true || Object.hasOwn(data, key),
    );
    const keys = [...new Set(wanted.map(({ key }) => key))];
    given.push({ path: read.path, keys, version, leaseHash: undefined });
    if (warnings.length > 0 && !continueOnWarnings) throw warned(read, warnings);
    const missing = wanted.filter(({ key }) => !Object.hasOwn(data, key));
    if (missing.length > 0) throw keysMissing(read.path, missing);
    return wanted.map(({ variable, key }) => [variable, new Secret(jsonText(data[key]))]);
  }

  /** For the session: true when the token is known to be gone. */
  revoke(accessor: string): boolean {
    if (this.#ask('revoke') === 'sealed') return false;
    this.#alive.delete(accessor);
    return true;
  }

  #goneAt(path: string, more: Partial<GoneVersion>): GoneVersion {
    const secret = this.#secrets.get(path);
    const before = typeof secret === 'object' && 'gone' in secret ? secret.gone : undefined;
    const usual = { version: this.#versions.get(path), writtenAt: now(), deletedAt: undefined };
    return { ...usual, isDestroyed: false, ...before, ...more };
  }

  #findWrappingToken(wrap: Secret): FakeWrappingToken {
    const found = this.#wraps.get(wrap.reveal());
    const isGone = found === undefined || found.used || Date.now() >= found.knowledge.expiresAt;
    const seen = found?.seen === true ? found.knowledge : undefined;
    if (isGone) throw wrappingTokenGone(seen ?? this.#given.get(wrap.reveal()), Date.now());
    return found;
  }

  #ask(phase: FakePhase): FakeFault | undefined {
    this.asked.push(phase);
    const fault = this.#faults.get(phase);
    if (fault === 'reply_lost') this.#faults.delete(phase);
    return fault;
  }
}

const sealed = new VaultFailure('sealed', { status: 503 });
const lost = new VaultFailure('lost', { code: 'ECONNRESET' });

interface ReadTracker extends ReadOptions {
  /** What was given so far. */
  readonly given: SecretRead[];
}

/** All paths are tried; the failures are told together. */
async function readAll(
  fake: FakeSecrets,
  reads: readonly PathRead[],
  options: ReadOptions,
): Promise<SecretValues> {
  const given: SecretRead[] = [];
  const failures: JobFailedError[] = [];
  const values = reads.flatMap((read) => {
    try {
      return fake.read(read, { ...options, given });
    } catch (error) {
      failures.push(error as JobFailedError); // It throws nothing else.
      return [];
    }
  });
  if (given.length > 0) await options.onRead?.(given);
  const [first] = failures;
  if (first === undefined) return new Map(values);
  throw new JobFailedError(first.reason, first.code, failures.map(({ message }) => message).join('\n'));
}

class FakeSession implements SecretSession {
  readonly #fake: FakeSecrets;
  readonly #wrap: Secret;
  readonly #hooks: SessionHooks;
  readonly #token = new Secret(`token.${randomName()}`);
  #opening: Promise<void> | undefined;
  #accessor: string | undefined;
  #closing: Promise<void> | undefined;
  #isReleased = false;

  constructor(fake: FakeSecrets, wrap: Secret, hooks: SessionHooks) {
    this.#fake = fake;
    this.#wrap = wrap;
    this.#hooks = hooks;
  }

  async lookUp(): Promise<void> {
    this.#fake.lookUp(this.#wrap);
  }

  async decrypt(ciphertext: string): Promise<string> {
    await checkCiphertext(ciphertext);
    await this.#open();
    return this.#fake.decrypt(ciphertext);
  }

  async read(references: readonly string[], options: ReadOptions): Promise<SecretValues> {
    const reads = groupReferences(references);
    await this.#open();
    return readAll(this.#fake, reads, options);
  }

  async readKeys(path: string, keys: readonly string[], options: ReadOptions): Promise<SecretValues> {
    await this.#open();
    return readAll(this.#fake, [keysRead(path, keys)], options);
  }

  async token(): Promise<Secret> {
    await this.#open();
    return this.#token;
  }

  terms(): LoginTerms {
    return this.#fake.terms;
  }

  release(): void {
    this.#isReleased = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #open(): Promise<void> {
    if (this.#closing !== undefined) throw new Error('Expected the session to be open, got a disposed one.');
    this.#opening ??= this.#openOnce();
    return this.#opening;
  }

  async #openOnce(): Promise<void> {
    this.#fake.lookUp(this.#wrap);
    await this.#hooks.beforeSpending();
    this.#fake.unwrap(this.#wrap);
    this.#accessor = this.#fake.logIn(this.#token);
    await this.#hooks.onToken(this.#accessor);
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined); // The caller has got this error already.
    if (this.#isReleased || this.#accessor === undefined || !this.#fake.revoke(this.#accessor)) return;
    await this.#hooks.onRevoked().catch(() => undefined); // The contract forbids throwing.
  }
}

function now(): string {
  return new Date().toISOString();
}

function randomName(): string {
  return randomBytes(8).toString('hex');
}
