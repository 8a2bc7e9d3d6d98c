import { describe, expect, test } from 'vitest';
import { type EntryHeader, findEntryProblem, normalizeName } from '../../../src/docker/archive/names.js';
import { type ArchiveRules, defaultArchiveLimits } from '../../../src/docker/archive/rules.js';

const rules: ArchiveRules = {
  limits: defaultArchiveLimits,
  allowLinks: true,
  ownFiles: ['etc/passwd', 'etc/vault/ca.pem'],
};

function problemOf(header: Partial<EntryHeader>, more: Partial<ArchiveRules> = {}): string | undefined {
  return findEntryProblem({ name: 'a', type: 'file', target: undefined, ...header }, { ...rules, ...more });
}

describe('normalizeName', () => {
  test.each([
    ['./a//b/./c/', 'a/b/c'],
    ['./', ''],
    ['a...b', 'a...b'],
  ])('makes %s to "%s"', (name, normal) => {
    expect(normalizeName(name)).toBe(normal);
  });
});

describe('an entry is accepted', () => {
  test.each([
    ['a file', { name: './opt/run.sh' }],
    ['a directory of the system', { name: 'etc/', type: 'directory' }],
    ['the root', { name: './', type: 'directory' }],
    ['a file in place of one of ours', { name: 'etc/passwd' }],
    ['a directory above one of ours', { name: 'etc/vault', type: 'directory' }],
    ['dots in a name', { name: 'a..b/...' }],
    ['letters of the world', { name: 'Grüße/日本' }],
    ['a link beside itself', { name: 'opt/a', type: 'symlink', target: 'b' }],
    ['a link up and down again', { name: 'opt/a/b', type: 'symlink', target: '../../srv/c' }],
  ])('as %s', (_, header) => {
    expect(problemOf(header)).toBeUndefined();
  });
});

describe('an entry is refused', () => {
  test.each([
    ['no name', { name: '' }, 'it has no name'],
    ['an absolute name', { name: '/etc/cron.d/x' }, 'its name is absolute'],
    ['a step up', { name: 'a/../../b' }, 'its name holds `..`'],
    ['a step up at the end', { name: 'a/..' }, 'its name holds `..`'],
    ['a long name', { name: 'a/'.repeat(513) }, 'its name is longer than 1024 bytes'],
    ['a long step', { name: 'a'.repeat(256) }, 'a part of its name is longer than 255 bytes'],
    ['a deep place', { name: 'a/'.repeat(65) }, 'it lies deeper than 64 directories'],
    ['a line break', { name: 'a\nb' }, 'its name holds control characters'],
    ['a turn of the writing', { name: 'a\u202eb' }, 'its name holds control characters'],
    ['a NUL', { name: 'a\0b' }, 'its name holds control characters'],
    ['bytes that are no text', { name: 'a\ufffd' }, 'its name is not UTF-8'],
    ['a whiteout', { name: 'etc/.wh.shadow' }, 'its name has a meaning in image layers'],
    ['the secrets', { name: './secrets.yml' }, 'its place belongs to the secrets'],
    ['the other secrets', { name: 'secrets.json/x' }, 'its place belongs to the secrets'],
    ['the processes', { name: 'proc/1/mem' }, 'its place belongs to the kernel'],
    ['a device directory', { name: 'dev', type: 'directory' }, 'its place belongs to the kernel'],
    ['a file of ours below', { name: 'etc/passwd/x' }, 'its place belongs to a file of stint'],
    [
      'a link in place of ours',
      { name: 'etc/passwd', type: 'symlink', target: 'b' },
      'its place belongs to a file of stint',
    ],
    ['a file over a system directory', { name: 'usr/lib' }, 'it would replace a system directory'],
    [
      'a link over a system directory',
      { name: 'etc', type: 'symlink', target: 'b' },
      'it would replace a system directory',
    ],
    ['a file above ours', { name: 'etc/vault' }, 'it would replace the directory of a file of stint'],
    ['a file as the root', { name: './' }, 'it would replace the root'],
    ['a hard link', { type: 'link', target: 'etc/shadow' }, 'it is a hard link'],
    ['a character device', { type: 'character-device' }, 'it is a device'],
    ['a block device', { type: 'block-device' }, 'it is a device'],
    ['a FIFO', { type: 'fifo' }, 'it is a FIFO'],
    ['something else', { type: 'contiguous-file' }, 'it is of an unknown type'],
    ['no type', { type: null }, 'it is of an unknown type'],
  ])('for %s', (_, header, problem) => {
    expect(problemOf(header)).toBe(problem);
  });

  test.each([
    ['nowhere', '', 'it is a link to nowhere'],
    ['an absolute path', '/etc/shadow', 'it is a link to an absolute path'],
    ['above the root', '../../x', 'it is a link that leads out'],
    ['above the root and back', '../../../etc/x', 'it is a link that leads out'],
    ['the secrets', '../secrets.yml', 'it is a link to the secrets'],
    ["the kernel's files", '../proc/self/environ', "it is a link to the kernel's files"],
    ['odd characters', 'a\nb', 'its target holds odd characters'],
    ['far too much', 'a'.repeat(1025), 'its target is too long'],
  ])('for a link to %s', (_, target, problem) => {
    expect(problemOf({ name: 'opt/a', type: 'symlink', target })).toBe(problem);
  });

  test('for a link where none is allowed', () => {
    expect(problemOf({ type: 'symlink', target: 'b' }, { allowLinks: false })).toBe('it is a link');
  });
});
