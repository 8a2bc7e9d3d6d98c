/** An answer of the door, with its text where it is no JSON. */
export interface GafferAnswer {
  readonly status: number;
  readonly body: unknown;
  /** The id that the job has at the main door. */
  readonly jobId: string;
}

export interface GafferInfo {
  readonly name: string;
  readonly active: boolean;
  readonly running: number;
  readonly running_out: number;
  readonly max_processes: number;
  readonly processes: readonly number[];
  readonly last_exit?: { readonly pid: number; readonly exit_code: number | null; readonly reason: string };
}

/** Makes the calls of gaffer's own HTTP client. */
export class GafferClient {
  readonly #stint: string;
  readonly #token: string;

  constructor(stint: string, token: string) {
    this.#stint = stint;
    this.#token = token;
  }

  async ask(method: string, path: string, body?: unknown): Promise<GafferAnswer> {
    const response = await fetch(`${this.#stint}${path}`, {
      method,
      headers: { 'X-Api-Key': this.#token, Accept: 'application/json' },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
    return {
      status: response.status,
      body: isJson ? (JSON.parse(text) as unknown) : text,
      jobId: response.headers.get('x-stint-job') ?? '',
    };
  }

  /** Throws where it is refused. */
  async load(session: string, config: object): Promise<void> {
    const { status, body } = await this.ask('POST', `/jobs/${session}`, config);
    if (status !== 200) throw new Error(`Could not load the job: ${status} ${JSON.stringify(body)}.`);
  }

  async info(name: string): Promise<GafferInfo> {
    return (await this.ask('GET', `/jobs/${name.replace('.', '/')}`)).body as GafferInfo;
  }

  async pids(name: string): Promise<readonly number[]> {
    const { body } = await this.ask('GET', `/jobs/${name.replace('.', '/')}/pids`);
    return (body as { pids: number[] }).pids;
  }

  async unload(name: string): Promise<GafferAnswer> {
    return await this.ask('DELETE', `/jobs/${name.replace('.', '/')}`);
  }

  async state(name: string, state: 0 | 1 | 2): Promise<GafferAnswer> {
    return await this.ask('POST', `/jobs/${name.replace('.', '/')}/state`, String(state));
  }
}
