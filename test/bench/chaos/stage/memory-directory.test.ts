import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { makeMemoryDirectory } from '../../../../bench/chaos/stage/memory-directory.js';

test('a run removes its directory in memory, and before that those of dead runs, but no other', async () => {
  const base = await mkdtemp(join(tmpdir(), 'stint-memory-'));
  const ofAnother = [`stint-chaos-${process.pid}-1-abcdef`, 'stint-chaos-4194305-77-abcdef']; // Pid taken over; never one.
  for (const name of [...ofAnother, 'stint-chaos-notes', 'else']) await mkdir(join(base, name));
  const first = await makeMemoryDirectory(base);
  const second = await makeMemoryDirectory(base);
  const during = await readdir(base);
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
  const afterwards = await readdir(base);
  await rm(base, { recursive: true });

  expect(during.toSorted()).toEqual(
    [basename(first.path), basename(second.path), 'else', 'stint-chaos-notes'].toSorted(),
  );
  expect(afterwards.toSorted()).toEqual(['else', 'stint-chaos-notes']);
});
