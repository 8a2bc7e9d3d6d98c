import { jobNameOf } from '../../../src/api/lopco/names.js';
import type { Progress } from '../../../src/api/lopco/pipeline/model.js';
import { strictPolicy } from '../../../src/job/options/policy.js';
import { createTestApp, type TestApp } from '../../support/test-app.js';

export const hash = 'ab'.repeat(64);

export const newJob = { machine_id: 'press-07', hash, file_name: 'upload' };

/** The id of that job. */
export const name = jobNameOf(newJob.machine_id, hash);

/** What an operator allows who uses LOPCO's door. */
export const allowed = {
  ...strictPolicy,
  users: ['image' as const],
  mounts: [{ kind: 'volume' as const, source: 'lopco-data-cache', readOnly: false }],
  most: { cpus: 1, memoryBytes: 2 ** 30, pids: 10, sharedMemoryBytes: 2 ** 20 },
};

/** An app whose operator allows what workers get. */
export function createLopcoApp(changes: Parameters<typeof createTestApp>[0] = {}) {
  const app = createTestApp({ policyFor: () => allowed, ...changes });
  return { ...app, ask: askOf(app) };
}

export interface Ask {
  readonly body?: unknown;
  /** Null: none. */
  readonly type?: string | null;
  /** Null: none. */
  readonly token?: string | null;
}

function askOf({ app }: TestApp) {
  return async (method: string, path: string, { body, type, token = 's.token1' }: Ask = {}) => {
    const headers = {
      ...(token !== null && { 'x-vault-token': token }),
      ...(type !== null && body !== undefined && { 'content-type': type ?? 'application/json' }),
    };
    const text = typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body);
    return await app.request(path, { method, headers, ...(body !== undefined && { body: text as string }) });
  };
}

const everyone = { everyone: true } as const;

/** An app with one job, and a way to say how far it is. */
export async function withJob() {
  const app = createLopcoApp();
  await app.ask('POST', '/job-manager/jobs', { body: newJob });
  const id = (await app.queue.find({ door: 'lopco', project: undefined, name }, everyone)).id;
  const reach = (progress: Partial<Progress>) =>
    app.queue.revise(id, everyone, {
      kind: 'test',
      actor: 'test',
      change: (view) => ({ progress: { ...(view.progress as Progress), ...progress } }),
    });
  return { ...app, id, reach };
}
