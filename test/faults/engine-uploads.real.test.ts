import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../rig/engine/image.js';
import { uniqueName, VaultOperator } from '../journey/vault-operator.js';
import { rigPart } from '../support/rig-part.js';
import { archiveOf, bodyBlocks, headerBlock } from '../support/tar-blocks.js';
import { FaultProxy } from '../vault/fault-proxy.js';
import { openStand } from './stand.js';

const engine = await rigPart('engine');
const prepared = await rigPart('preparedVault');
/** It records what the engine is really asked for. */
const proxy = await FaultProxy.start(engine.dockerHost);
const stand = await openStand({
  engineAddress: proxy.address.replace('http:', 'tcp:'),
  settings: { STINT_SANDBOXES: '0' }, // Their containers have requests of their own.
});
const operator = new VaultOperator(prepared);
afterAll(async () => {
  await stand[Symbol.asyncDispose]();
  await proxy[Symbol.asyncDispose]();
});

/** Programs that a daemon would call to unpack an upload, if it took them from the image (CVE-2026-41567). */
const trojan = { mode: 0o755, content: '#!/bin/sh\necho ran >> /tmp/trojan\nexec cat\n' };
const programs = ['xz', 'unxz', 'gzip', 'gunzip', 'pigz', 'unpigz', 'zstd', 'bzip2', 'tar'];
const image = 'stint-test/trojan:1';
const files = Object.fromEntries(
  programs.flatMap((name) =>
    ['/usr/local/bin', '/usr/local/sbin'].map((path) => [`${path}/${name}`, trojan]),
  ),
);
await buildImage(stand.docker, { tag: image, files });

const content = archiveOf(headerBlock({ name: 'data/x', size: 6 }), bodyBlocks('hello\n'));
const script =
  'cat /data/x; grep -c . /secrets.yml; cat /tmp/trojan 2>&1; while [ ! -e /tmp/end ]; do sleep 0.2; ln -sfn / /data/x; done';

describe('the engine gets of a job', () => {
  test('C3, C4: uncompressed tar alone, all of it before the start, and nothing until the end', async () => {
    const path = await operator.writeSecret('kv/data', { password: 'a long secret' });
    const asked = proxy.asked.length;

    const id = await stand.submit({
      qname: uniqueName(),
      container_image: image,
      content: `targz,${gzipSync(content).toString('base64')}`,
      secret_refs: [`password@${path}.password`],
      run: ['sh', '-c', script],
    });
    const seen = await stand.client.wait(id, 20_000, ({ output }) => output.includes('trojan'));
    await stand.client.kill(id);
    await stand.client.wait(id, 20_000);

    const requests = proxy.asked
      .slice(asked)
      .filter((each) => !each.path.includes('/json') && !/\/version|_ping|info/.test(each.path));
    const uploads = requests.filter(({ method, path: at }) => method === 'PUT' && at.includes('/archive'));
    const steps = requests.map(
      ({ method, path: at }) => `${method} ${at.replaceAll(/[0-9a-f]{64}|\?.*/g, '')}`,
    );
    const started = steps.findIndex((each) => each.endsWith('/start'));
    const ended = steps.findIndex((each, index) => index > started && each.startsWith('DELETE'));
    expect(uploads.length).toBeGreaterThan(0);
    for (const { body } of uploads) expect(body.slice(257, 262)).toBe('ustar');
    expect(started).toBeGreaterThan(0);
    expect(ended).toBeGreaterThan(started);
    expect(steps.slice(started, ended).filter((each) => /archive|export|copy|changes/.test(each))).toEqual(
      [],
    );
    expect(seen.output).toMatch(/^hello\n[1-9]\ncat: can't open '\/tmp\/trojan'/);
  });
});
