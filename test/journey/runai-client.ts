import { setTimeout as delay } from 'node:timers/promises';

/** A job as the list shows it. */
export interface ListedRunaiJob {
  readonly id: string;
  readonly project: string;
  readonly name: string;
  readonly status: string;
  readonly type: string;
  readonly nodes: string;
  readonly createdAt: number;
  readonly images: string;
  readonly user: string;
  readonly currentAllocatedGPUs: number;
}

export interface RunaiAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Makes the documented calls of Run:AI's REST API, as scripts of its users do. */
export class RunaiClient {
  readonly #stint: string;
  readonly #token: string;

  constructor(stint: string, token: string) {
    this.#stint = stint;
    this.#token = token;
  }

  async ask(
    method: string,
    path: string,
    { body, headers }: { body?: unknown; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<RunaiAnswer> {
    const response = await fetch(`${this.#stint}${path}`, {
      method,
      headers: {
        'RA-USER': 'ines',
        'Content-Type': 'application/json',
        Authorization: `Bearer ${this.#token}`,
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /** The name of the new job. Throws where it is refused. */
  async submit(job: object, headers?: Readonly<Record<string, string>>): Promise<string> {
    const { status, body } = await this.ask('POST', '/api/job', {
      body: { job },
      ...(headers && { headers }),
    });
    if (status === 200) return (body as { name: string }).name;
    throw new Error(`Could not submit the job: ${status} ${JSON.stringify(body)}.`);
  }

  async list(project: string): Promise<readonly ListedRunaiJob[]> {
    const { body } = await this.ask('GET', `/api/job?project=${project}`);
    return (body as { data: ListedRunaiJob[] }).data;
  }

  /** Polls the list, as there is no other way to watch a job. */
  async wait(
    project: string,
    name: string,
    isReached = ({ status }: ListedRunaiJob) => !['Pending', 'Running'].includes(status),
  ): Promise<ListedRunaiJob> {
    const deadline = Date.now() + 60_000;
    for (;;) {
      const job = (await this.list(project)).find((each) => each.name === name);
      if (job !== undefined && isReached(job)) return job;
      if (Date.now() > deadline)
        throw new Error(`Waited for job ${project}/${name}, which is ${job?.status}.`);
      await delay(50);
    }
  }

  async remove(...jobs: readonly object[]): Promise<unknown> {
    return (await this.ask('DELETE', '/api/job', { body: jobs })).body;
  }
}
