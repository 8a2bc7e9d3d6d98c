import { afterAll, beforeAll, expect, test } from 'vitest';
import { AnswerError, type JobPayload } from '../../demo/gostint-client.js';
import { buildImage } from '../../rig/engine/image.js';
import { startStintOnRig } from './stint-on-rig.js';

const on = await startStintOnRig({ STINT_SLOTS: '4', STINT_ALLOW_IMAGES: '**,ids' });
const { client } = on;
afterAll(() => on[Symbol.asyncDispose]());

beforeAll(async () => {
  await buildImage(on.docker, { tag: 'stint-test/odd-directory:1', workdir: '/bin/busybox/x' });
  await buildImage(on.docker, { tag: 'stint-test/odd-volume:1', volumes: ['/bin/busybox'] });
});

const hex = 'a'.repeat(64);
const oddImages: readonly string[] = [
  'Busybox',
  'busybox/UPPER:1',
  'LOCALHOST/busybox:1',
  '[::1]:5000/busybox:1',
  '[::1]/busybox',
  '[fe80::1%25eth0]:1/x',
  '127.0.0.1:1/x:1',
  'localhost:1/x:1',
  'nonesuch.invalid/x:1',
  'nonesuch.invalid:65535/x:1',
  'localhost:99999/x:1',
  'localhost:0/x:1',
  `busybox@md5:${'a'.repeat(32)}`,
  `busybox@sha512:${hex}${hex}`,
  `busybox@sha256:${hex}`,
  `busybox@sha256:${hex.slice(1)}`,
  `busybox@SHA256:${hex}`,
  `busybox:latest@sha256:${hex}`,
  hex,
  `sha256:${hex}`,
  'a'.repeat(255),
  `${'a'.repeat(250)}/a`,
  `${'a/'.repeat(120)}a`,
  `busybox:${'t'.repeat(128)}`,
  'stint-test/odd-directory:1',
  'stint-test/odd-volume:1',
  'scratch',
];
const oddDirectories: readonly string[] = [
  '/bin/busybox/x',
  '/etc/passwd/x/y',
  `/${'d'.repeat(256)}`,
  `/${Array.from({ length: 17 }, () => 'd'.repeat(250)).join('/')}`,
  `/${'d/'.repeat(2000)}d`,
  '/proc/self/fd/0',
  '/dev/null/x',
];
const oddJobs: readonly JobPayload[] = [
  ...oddImages.map((container_image) => ({ container_image, run: ['true'] })),
  ...oddDirectories.map((working_directory) => ({
    container_image: 'busybox:latest',
    run: ['true'],
    working_directory,
  })),
];

/** How it ended, or that it was refused when it was submitted. */
async function endOf(odd: JobPayload, form: 'clear' | 'encrypted'): Promise<string> {
  try {
    const request =
      form === 'encrypted'
        ? await client.prepare(odd)
        : { ...odd, qname: '', wrap_secret_id: await client.wrapSecretId() };
    const { _id: id } = await client.post(request);
    const job = await client.wait(id);
    return job.status === 'failed' && /could not|expected/i.test(job.output) ? 'failed' : JSON.stringify(job);
  } catch (error) {
    if (error instanceof AnswerError && error.status === 400) return 'refused';
    throw error;
  }
}

test.each(['clear', 'encrypted'] as const)(
  'C9: no image name and no directory of a job (%s) keeps other jobs waiting, or postpones its own',
  { timeout: 240_000 },
  async (form) => {
    const ends: string[] = [];
    for (const odd of oddJobs) {
      ends.push(`${await endOf(odd, form)} ${JSON.stringify(odd).slice(0, 80)}`);
      const honest = await on.run({ run: ['true'] });
      expect(honest.status).toBe('success');
    }

    expect(ends.filter((end) => !/^(failed|refused) /.test(end))).toEqual([]);
    expect(on.log()).not.toContain('claims stopped');
    expect(on.log()).not.toContain('"state":"queued"');
  },
);
