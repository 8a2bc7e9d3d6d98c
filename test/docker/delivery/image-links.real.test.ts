import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildImage } from '../../../rig/engine/image.js';
import { type ArchiveItem, tarGzOf } from '../../support/archives.js';
import { type DockerBench, openDockerBench, runJob } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';
import { openTcpRelay, type TcpRelay } from '../../support/tcp-relay.js';

const { socketPath, dockerHost } = await rigPart('engine');
const image = `stint-test/links-${randomUUID().slice(0, 8)}:1`;
let relay: TcpRelay;
let local: DockerBench;
let remote: DockerBench;

beforeAll(async () => {
  if (socketPath === undefined) throw new Error('Expected an engine with a socket.');
  relay = await openTcpRelay(socketPath);
  local = await openDockerBench(dockerHost);
  remote = await openDockerBench(`tcp://127.0.0.1:${relay.port}`);
  await buildImage(local.docker, {
    tag: image,
    files: {
      '/srv/real/kept': 'kept',
      '/srv/other/sub/kept': 'kept',
      '/srv/file': 'x',
      '/plain/kept': 'kept',
      '/app': { target: '/srv/real' },
      '/relative': { target: 'srv/real' },
      '/twice': { target: 'app' },
      '/srv/real/inner': { target: '../other/sub' },
      '/to-file': { target: '/srv/file' },
      '/dangling': { target: '/nowhere' },
      '/loop': { target: '/loop' },
    },
  });
});

afterAll(async () => {
  await local[Symbol.asyncDispose]();
  await remote[Symbol.asyncDispose]();
  await relay[Symbol.asyncDispose]();
});

function directory(name: string, mode = 0o755): ArchiveItem {
  return { name, type: 'directory', mode };
}

describe.each([
  ['local', () => local],
  ['remote', () => remote],
])('on a %s engine a directory entry', (_, bench) => {
  async function look(items: readonly ArchiveItem[], script: string): Promise<string> {
    const { stdout, stderr } = await runJob(bench(), {
      image,
      content: await tarGzOf(items),
      command: ['sh', '-c', script],
    });
    return `${stdout}${stderr}`;
  }

  test.each([
    ['an absolute link', 'app', '/srv/real'],
    ['a relative link', 'relative', 'srv/real'],
    ['a link to a link', 'twice', 'app'],
  ])('leaves %s to a directory alone, and files below it go behind it', async (__, name, target) => {
    const items = [
      directory(`${name}/`),
      directory(`${name}/new/`, 0o700),
      { name: `${name}/new/f`, body: 'f' },
    ];

    expect(
      await look(items, `readlink /${name}; cat /srv/real/kept /srv/real/new/f; stat -c %a:%u /srv/real/new`),
    ).toBe(`${target}\nkeptf700:2001\n`);
  });

  test('leaves a link below a link alone too, and one whose parents have no entry', async () => {
    const items = [directory('app/inner'), { name: 'app/inner/f', body: 'f' }];

    expect(
      await look(items, 'readlink /app; readlink /srv/real/inner; cat /srv/other/sub/kept /srv/other/sub/f'),
    ).toBe('/srv/real\n../other/sub\nkeptf');
  });

  test.each(['to-file', 'dangling', 'loop'])(
    'replaces a link that leads to no directory: %s',
    async (name) => {
      expect(
        await look(
          [directory(name), { name: `${name}/f`, body: 'f' }],
          `stat -c %F /${name}; cat /${name}/f`,
        ),
      ).toBe('directory\nf');
    },
  );

  test('gives a directory of the image its mode, and keeps what is in it', async () => {
    expect(await look([directory('plain', 0o750)], 'stat -c %a:%u /plain; cat /plain/kept')).toBe(
      '750:2001\nkept',
    );
  });
});
