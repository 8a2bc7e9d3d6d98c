import { expect, test, vi } from 'vitest';
import { openArchiveDelivery, openBoundDelivery } from '../../../src/docker/delivery/delivery.js';
import type { HostFiles } from '../../../src/docker/delivery/host-files.js';
import { tarGzOf } from '../../support/archives.js';
import { testRules as rules } from '../../support/backend-parts.js';
import { containerRequest } from '../../support/container-request.js';
import { fakeEngine } from '../../support/fake-engine.js';

const parts = { engine: fakeEngine({}), rules, caCertificatePath: '/nonesuch/ca.pem' };
const job = { request: containerRequest({ jobId: 'job-1', fence: 1 }), passwd: undefined };
const lost = {
  code: 'internal',
  retryable: true,
  message: expect.stringMatching(/^Could not read "\/nonesuch\/ca\.pem".*VAULT_CACERT/),
};

test('a missing CA certificate is reported as such, before any file is created', async () => {
  const create = vi.fn<HostFiles['create']>();

  await expect(openBoundDelivery(parts, { create } as unknown as HostFiles, job)).rejects.toMatchObject(lost);
  expect(create).not.toHaveBeenCalled();
});

test('the same for a remote engine, before anything secret is known', async () => {
  const delivery = openArchiveDelivery(parts, job);

  await expect(delivery.uploadContent('c1', new AbortController().signal)).rejects.toMatchObject(lost);
});

test('pipes are refused where files are not shared with the engine', () => {
  const piped = { ...job, request: { ...job.request, options: { pipes: ['ctl'] } } };

  expect(() => openArchiveDelivery(parts, piped)).toThrow(/pipes/);
});

test.each(['bound', 'in an archive'])('content that is refused reaches no engine: files %s', async (how) => {
  const content = await tarGzOf([{ name: 'app', type: 'directory' }, { name: '../out' }]);
  const withContent = { ...job, request: { ...job.request, content } };
  const reachable = { ...parts, caCertificatePath: undefined };
  const files = { secretsPath: '/s', passwdPath: '/p' };
  const hostFiles = { create: async () => files } as unknown as HostFiles;
  const delivery =
    how === 'bound'
      ? await openBoundDelivery(reachable, hostFiles, withContent)
      : openArchiveDelivery(reachable, withContent);

  await expect(delivery.uploadContent('c1', new AbortController().signal)).rejects.toMatchObject({
    code: 'content_entries_refused',
  });
});
