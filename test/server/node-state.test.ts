import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config.js';
import { openNodeState } from '../../src/server/node-state.js';

const none = { nodeId: undefined, sealKey: undefined };
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'stint-state-'));
});

afterEach(() => rm(directory, { recursive: true, force: true }));

describe('the state of a node', () => {
  test('is made at the first start and kept across restarts', async () => {
    const first = await openNodeState(join(directory, 'deep/er'), none);
    const second = await openNodeState(join(directory, 'deep/er'), none);

    expect(first.nodeId).toMatch(/^[0-9a-f-]{36}$/);
    expect(first.sealKey).toHaveLength(32);
    expect(second).toEqual(first);
  });

  test('differs from node to node', async () => {
    const one = await openNodeState(join(directory, 'one'), none);
    const other = await openNodeState(join(directory, 'other'), none);

    expect(other.nodeId).not.toBe(one.nodeId);
    expect(other.sealKey).not.toEqual(one.sealKey);
  });

  test('gives way to the settings, which are not written down', async () => {
    const given = { nodeId: randomUUID(), sealKey: randomBytes(32) };

    expect(await openNodeState(directory, given)).toEqual(given);
    expect(await readdir(directory)).toEqual([]);
  });

  test('is for its owner only', async () => {
    await openNodeState(join(directory, 'new'), none);

    const modes = ['new', 'new/seal.key', 'new/node-id'].map(async (name) => {
      const { mode } = await stat(join(directory, name));
      return (mode & 0o777).toString(8);
    });
    expect(await Promise.all(modes)).toEqual(['700', '600', '600']);
  });
});

describe('the making of it', () => {
  test('is the same for all that start at once, and no other file is left', async () => {
    const states = await Promise.all(Array.from({ length: 20 }, () => openNodeState(directory, none)));

    expect(new Set(states.map(({ nodeId }) => nodeId)).size).toBe(1);
    expect(new Set(states.map(({ sealKey }) => sealKey.toString('hex'))).size).toBe(1);
    expect(await openNodeState(directory, none)).toEqual(states[0]);
    expect((await readdir(directory)).toSorted()).toEqual(['node-id', 'seal.key']);
  });

  test('can be made after a start that died half way, under the same process id', async () => {
    await writeFile(join(directory, `seal.key.${process.pid}`), '');
    await writeFile(join(directory, `node-id.${process.pid}`), '');

    await expect(openNodeState(directory, none)).resolves.toBeDefined();
  });
});

describe('an invalid file', () => {
  test.each([
    ['seal.key', 'AAAA', '32 bytes in base64, got 3 bytes'],
    ['seal.key', '', '32 bytes in base64, got 0 bytes'],
    ['seal.key', `${'A'.repeat(43)}=hunter2`, '32 bytes in base64'],
    ['node-id', '', 'a UUID'],
    ['node-id', 'node-hunter2', 'a UUID'],
  ])(
    'a wrong %s is refused with its path, not replaced and not quoted (%j)',
    async (name, text, expected) => {
      await openNodeState(directory, none);
      await writeFile(join(directory, name), `${text}\n`);

      const error = await openNodeState(directory, none).catch((caught: unknown) => caught);

      expect(error).toBeInstanceOf(ConfigError);
      expect(String(error)).toContain(`${join(directory, name)}" to hold ${expected}`);
      expect(String(error)).not.toContain('hunter2');
      expect(await readFile(join(directory, name), 'utf8')).toBe(`${text}\n`);
    },
  );

  test('a file that cannot be read is not replaced by a new one', async () => {
    const path = join(directory, 'node-id');
    await mkdir(path);

    const error = await openNodeState(directory, none).catch((caught: unknown) => caught);

    expect(error).toBeInstanceOf(ConfigError);
    expect(String(error)).toContain(`read the file "${path}" (EISDIR)`);
    expect((await stat(path)).isDirectory()).toBe(true);
  });

  test('a directory that cannot be made is named', async () => {
    await writeFile(join(directory, 'file'), '');

    await expect(openNodeState(join(directory, 'file/state'), none)).rejects.toThrow(
      `Could not make the directory "${join(directory, 'file/state')}" (ENOTDIR)`,
    );
  });
});
