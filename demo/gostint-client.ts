// A client that sends what GoStint's own client sends; for the demo, the bench and tests.
import { setTimeout as delay } from 'node:timers/promises';

/** The addresses of Vault and stint, and what the client uses there. */
export interface ClientOptions {
  readonly vault: string;
  readonly stint: string;
  /** The requestor's own token: it creates what a job needs in Vault and is never sent to stint. */
  readonly token: string;
  /** The jobs' AppRole; the transit key has the same name. */
  readonly roleName: string;
  /** Between two polls of a job; 50 ms by default. */
  readonly pollMs?: number;
}

/** The fields of an answered job that are used here. */
export interface AnsweredJob {
  readonly _id: string;
  readonly status: string;
  readonly qname: string;
  readonly node_uuid: string;
  readonly container_image: string;
  readonly submitted: string;
  readonly started: string;
  readonly ended: string;
  readonly output: string;
  readonly stderr: string;
  readonly return_code: number;
  readonly tty: boolean;
  readonly container_id: string;
  readonly kill_requested: boolean;
}

/** A job in GoStint's wire format. */
export interface JobPayload {
  readonly qname?: string;
  readonly [field: string]: unknown;
}

/** An answer other than success, with the body that stint or Vault sent. */
export class AnswerError extends Error {
  override readonly name = 'AnswerError';
  readonly status: number;
  readonly body: unknown;

  constructor(what: string, status: number, body: unknown) {
    super(`Could not ${what}: the answer was ${status} ${JSON.stringify(body)}.`);
    this.status = status;
    this.body = body;
  }
}

const activeStatuses: readonly string[] = ['queued', 'running', 'stopping'];

/** Each method is one step that GoStint's own client takes; `submit` takes them all. */
export class GostintClient {
  readonly #options: ClientOptions;
  /** The token that stint gets: it has no rights in Vault beyond identifying the caller. */
  #apiToken: string | undefined;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Logs in with an AppRole, for clients that have no token yet. */
  static async logIn(vault: string, login: { roleId: string; secretId: string }): Promise<string> {
    const body = { role_id: login.roleId, secret_id: login.secretId };
    const answer = await ask(`${vault}/v1/auth/approle/login`, 'log in to Vault', { method: 'POST', body });
    return at(answer, 'auth', 'client_token');
  }

  /** A token that identifies the caller and may do nothing else. */
  async minimalToken(): Promise<string> {
    this.#apiToken ??= at(
      await this.#vault('auth/token/create', { policies: ['default'] }),
      'auth',
      'client_token',
    );
    return this.#apiToken;
  }

  /** A SecretID of the jobs' role in a wrapping token, which opens once. */
  async wrapSecretId(ttl = '1h'): Promise<string> {
    const path = `auth/approle/role/${this.#options.roleName}/secret-id`;
    return at(await this.#vault(path, {}, { 'X-Vault-Wrap-TTL': ttl }), 'wrap_info', 'token');
  }

  async encrypt(payload: object): Promise<string> {
    const plaintext = Buffer.from(JSON.stringify(payload)).toString('base64');
    return at(
      await this.#vault(`transit/encrypt/${this.#options.roleName}`, { plaintext }),
      'data',
      'ciphertext',
    );
  }

  /** Makes a token of two uses: one writes the payload into its cubbyhole, the other reads it. */
  async leaveInCubbyhole(ciphertext: string): Promise<{ cubby_token: string; cubby_path: string }> {
    const options = { policies: ['default'], ttl: '60m', num_uses: 2 };
    const token = at(await this.#vault('auth/token/create', options), 'auth', 'client_token');
    await this.#vault('cubbyhole/job', { payload: ciphertext }, { 'X-Vault-Token': token });
    return { cubby_token: token, cubby_path: 'cubbyhole/job' };
  }

  async post(request: object): Promise<{ _id: string; status: string; qname: string }> {
    return (await this.stint('POST', '/v1/api/job', request)) as {
      _id: string;
      status: string;
      qname: string;
    };
  }

  /** Does everything in Vault for one job. Only the server that runs the job can read `payload`. */
  async prepare(payload: JobPayload): Promise<object> {
    const cubbyhole = await this.leaveInCubbyhole(await this.encrypt(payload));
    return { qname: payload.qname ?? '', ...cubbyhole, wrap_secret_id: await this.wrapSecretId() };
  }

  /** Prepares and posts one job. Returns its id. */
  async submit(payload: JobPayload): Promise<string> {
    const { _id: id } = await this.post(await this.prepare(payload));
    return id;
  }

  async get(id: string): Promise<AnsweredJob> {
    return (await this.stint('GET', `/v1/api/job/${id}`)) as AnsweredJob;
  }

  async kill(id: string): Promise<AnsweredJob> {
    return (await this.stint('POST', `/v1/api/job/kill/${id}`)) as AnsweredJob;
  }

  /** Polls until `until` accepts the job; without it, until the job has ended. */
  async wait(
    id: string,
    limitMs = 60_000,
    until?: (job: AnsweredJob) => boolean | Promise<boolean>,
  ): Promise<AnsweredJob> {
    const deadline = Date.now() + limitMs;
    const isReached = until ?? ((job: AnsweredJob) => !activeStatuses.includes(job.status));
    for (;;) {
      const job = await this.get(id);
      if (await isReached(job)) return job;
      if (Date.now() > deadline)
        throw new Error(`Waited ${limitMs} ms for job ${id}, which is still ${job.status}.`);
      await delay(this.#options.pollMs ?? 50);
    }
  }

  /** Any request to stint, with the minimal token. Throws `AnswerError`. */
  async stint(method: string, path: string, body?: object): Promise<unknown> {
    const headers = { 'X-Auth-Token': await this.minimalToken() };
    return await ask(`${this.#options.stint}${path}`, `${method} ${path}`, { method, headers, body });
  }

  async #vault(path: string, body: object, headers: Record<string, string> = {}): Promise<unknown> {
    const all = { 'X-Vault-Token': this.#options.token, ...headers };
    return await ask(`${this.#options.vault}/v1/${path}`, `write ${path} in Vault`, {
      method: 'POST',
      headers: all,
      body,
    });
  }
}

interface Question {
  readonly method: string;
  readonly headers?: Record<string, string>;
  readonly body?: object | undefined;
}

/** Throws `AnswerError` for everything but success. */
async function ask(url: string, what: string, { method, headers = {}, body }: Question): Promise<unknown> {
  const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const text = await response.text();
  const answer = readAnswer(text);
  if (!response.ok) throw new AnswerError(what, response.status, answer);
  return answer;
}

function readAnswer(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
}

/** The text at this path of field names. */
function at(answer: unknown, ...names: string[]): string {
  let value = answer;
  for (const name of names) value = (value as Record<string, unknown> | undefined)?.[name];
  if (typeof value === 'string') return value;
  throw new Error(`Expected ${names.join('.')} in the answer, got none.`);
}
