import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDockerBench, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
const path = join(import.meta.dirname, '..', 'archive', 'clients', 'packed.json');
const packed = JSON.parse(await readFile(path, 'utf8')) as Record<string, { archive: string }>;

/** The file with holes of `archive/clients/tree.ts`. */
const holes = Buffer.alloc(1024 * 1024);
for (const at of [65_536, 131_072, 262_144, 393_216, 524_288, 786_432]) holes.write(`piece ${at}`, at);
const sum = createHash('sha256').update(holes).digest('hex');

test.each(['Go, any', 'GNU tar, v7', 'GNU tar, sparse, gnu', 'GNU tar, the tree twice', 'bsdtar, pax'])(
  'what %s packed is in the container: programs, links, copies for hard links, holes',
  async (name) => {
    await using bench = await openDockerBench(dockerHost);
    const script = [
      '/bin/start; /bin/same.sh; readlink /bin/start',
      'stat -c "%a %u %s" /bin/same.sh /data/empty; cat /data/gr*; sha256sum /data/holes; id -un',
    ].join('; ');

    const { stdout, stderr } = await runJob(bench, {
      command: ['sh', '-c', script],
      content: Buffer.from(packed[name]?.archive ?? '', 'base64'),
    });

    const lines = `${stdout}${stderr}`
      .replace(/^(700 2001) \d+$/m, '$1')
      .trim()
      .split('\n');
    expect(lines).toEqual([
      'ready',
      'ready',
      'run.sh',
      '750 2001 21',
      '700 2001',
      'hello',
      `${sum}  /data/holes`,
      'gostint',
    ]);
  },
);
