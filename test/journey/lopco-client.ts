import { createHash, randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';

export interface LopcoJob {
  readonly machine_id: string;
  readonly status: string;
  readonly stages: readonly LopcoStage[];
  readonly pipeline_id: string | null;
  readonly created: string;
}

export interface LopcoStage {
  readonly id: string;
  readonly outputs: readonly (Readonly<Record<string, string>> | null)[];
  readonly inputs?: readonly object[];
  readonly log?: string;
}

export interface LopcoAnswer {
  readonly status: number;
  readonly text: string;
  /** The id that the job has at every door. */
  readonly jobId: string;
}

/** Does what LOPCO's clients do: the adapter posts jobs, the registries are filled, the web page reads. */
export class LopcoClient {
  readonly #token: string;
  stint: string;

  constructor(stint: string, token: string) {
    this.stint = stint;
    this.#token = token;
  }

  async ask(method: string, path: string, body?: unknown): Promise<LopcoAnswer> {
    const response = await fetch(`${this.stint}${path}`, {
      method,
      headers: { 'X-Vault-Token': this.#token, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const jobId = response.headers.get('x-stint-job') ?? '';
    return { status: response.status, text: await response.text(), jobId };
  }

  async read(path: string): Promise<unknown> {
    const { status, text } = await this.ask('GET', path);
    return status === 200 ? JSON.parse(text) : status;
  }

  /** Registers a pipeline and a machine whose data go through it. The machine's id. */
  async register(...stages: readonly object[]): Promise<string> {
    const { text } = await this.ask('POST', '/pipeline-registry/pipelines', { name: 'test', stages });
    const machine = `machine-${randomUUID()}`;
    const { resource } = JSON.parse(text) as { resource: string };
    await this.ask('PUT', `/machine-registry/machines/${machine}`, {
      name: 'Machine',
      pipeline_id: resource,
    });
    return machine;
  }

  /** Posts a job as the adapter does. Its id. */
  async submit(machine: string, fileName = 'nothing'): Promise<string> {
    const hash = createHash('sha512').update(fileName).digest('hex');
    const body = { machine_id: machine, hash, file_name: fileName };
    const { status, text } = await this.ask('POST', '/job-manager/jobs', body);
    if (status !== 200 && status !== 409) throw new Error(`Could not post the job: ${status}.`);
    return text;
  }

  async abort(id: string): Promise<number> {
    return (await this.ask('POST', `/job-manager/jobs/${id}`, { status: 'aborted' })).status;
  }

  /** Until the job is in the history. */
  async wait(id: string, limitMs = 60_000): Promise<LopcoJob> {
    return (await this.#poll(`/job-manager/history/${id}`, () => true, limitMs)) as LopcoJob;
  }

  /** Until the active job is as it should be. */
  async waitActive(id: string, isReached: (job: LopcoJob) => boolean): Promise<LopcoJob> {
    return (await this.#poll(`/job-manager/jobs/${id}`, isReached, 60_000)) as LopcoJob;
  }

  async #poll(path: string, isReached: (job: LopcoJob) => boolean, limitMs: number): Promise<unknown> {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const found = await this.read(path).catch(() => 'no answer');
      if (typeof found === 'object' && isReached(found as LopcoJob)) return found;
      if (Date.now() > deadline) throw new Error(`Waited for ${path}: ${JSON.stringify(found)}.`);
      await delay(50);
    }
  }
}
