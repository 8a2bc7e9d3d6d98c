// Shows what is asked of Vault about its mounts, how long the answer is believed, and by whom.
import { expect, test } from 'vitest';
import type { VaultRequest } from '../../../src/vault/client/client.js';
import { VaultFailure } from '../../../src/vault/client/errors.js';
import { KnownMounts } from '../../../src/vault/reading/mounts.js';

type Answer = (path: string) => unknown;

/** A token of a job, and what it asked for. */
function tokenOf(answer: Answer) {
  const asked: string[] = [];
  const askFree = async <T>({ path }: VaultRequest, shape: (reply: unknown) => T): Promise<T> => {
    asked.push(path);
    await Promise.resolve();
    return shape(answer(path));
  };
  return { asked, askFree };
}

const mount = (path: string, version: unknown) => ({ data: { path, type: 'kv', options: { version } } });

const refuse: Answer = () => {
  throw new VaultFailure('denied', { status: 403 });
};

test('many who ask at once ask once a mount', async () => {
  const mounts = new KnownMounts();
  const token = tokenOf((path) => mount(path.includes('/team/a/') ? 'team/a/' : 'team/b/', '2'));
  const paths = ['team/a/data/x', 'team/a/data/y', 'team/b/data/x', 'team/a/data/z', 'team/b/data/y'];

  const found = await Promise.all(paths.map((path) => mounts.of(token, path)));

  expect(found.map((each) => each?.path)).toEqual(['team/a/', 'team/a/', 'team/b/', 'team/a/', 'team/b/']);
  expect(token.asked).toEqual([
    'sys/internal/ui/mounts/team/a/data/x',
    'sys/internal/ui/mounts/team/b/data/x',
  ]);
});

test('an answer is believed for a minute, since a mount may be raised to version 2', async () => {
  let now = 0;
  let version = '1';
  const mounts = new KnownMounts(() => now);
  const token = tokenOf(() => mount('kv/', version));
  const isVersioned = async () => (await mounts.of(token, 'kv/a'))?.isVersioned;
  expect(await isVersioned()).toBe(false);
  version = '2';

  now = 59_999;
  expect(await isVersioned()).toBe(false);
  now = 60_000;
  expect(await isVersioned()).toBe(true);
  expect(token.asked).toHaveLength(2);
});

test('what one job is refused, another may be told', async () => {
  const mounts = new KnownMounts();
  const [stranger, owner] = [tokenOf(refuse), tokenOf(() => mount('kv/', 2))];

  const found = await Promise.all([mounts.of(stranger, 'kv/data/a'), mounts.of(owner, 'kv/data/a')]);

  expect(found).toEqual([undefined, expect.objectContaining({ path: 'kv/', isVersioned: true })]);
});

test('a mount in a namespace is known for the path that was asked for', async () => {
  const mounts = new KnownMounts();
  const token = tokenOf(() => mount('kv/', '2'));

  expect(await mounts.of(token, 'team/kv/data/a')).toMatchObject({ isVersioned: true });
  await mounts.of(token, 'team/kv/data/a');
  await mounts.of(token, 'other/kv/data/a');

  expect(token.asked).toHaveLength(2);
});

test.each([
  ['no data', {}],
  ['a page', 'hello'],
  ['no path', { data: { options: { version: '2' } } }],
  ['an empty path', mount('', '2')],
])('an answer with %s tells nothing', async (_, answer) => {
  expect(
    await new KnownMounts().of(
      tokenOf(() => answer),
      'kv/a',
    ),
  ).toBeUndefined();
});

test.each([
  ['another engine', { data: { path: 'db/', type: 'database', options: null } }],
  ['version 1 that is not named', { data: { path: 'db/', type: 'kv', options: {} } }],
])('%s has no versions', async (_, answer) => {
  expect(
    await new KnownMounts().of(
      tokenOf(() => answer),
      'db/creds/a',
    ),
  ).toMatchObject({ isVersioned: false });
});

test('a Vault that is unavailable is told to all who ask, and asked again later', async () => {
  const mounts = new KnownMounts();
  let isUp = false;
  const token = tokenOf(() => {
    if (isUp) return mount('kv/', '1');
    throw new VaultFailure('sealed', { status: 503 });
  });

  const failed = await Promise.allSettled(['kv/a', 'kv/b'].map((path) => mounts.of(token, path)));
  isUp = true;

  expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(token.asked).toHaveLength(1);
  expect(await mounts.of(token, 'kv/a')).toMatchObject({ path: 'kv/' });
});
