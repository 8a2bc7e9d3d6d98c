import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type EntryHeader,
  findEntryProblem,
  isRoot,
  normalizeName,
} from '../../../src/docker/archive/names.js';
import { type ArchiveRules, defaultArchiveLimits } from '../../../src/docker/archive/rules.js';

const rules: ArchiveRules = {
  limits: defaultArchiveLimits,
  allowLinks: true,
  ownFiles: ['etc/passwd', 'etc/vault/ca.pem'],
};

function problemOf(header: Partial<EntryHeader>, more: Partial<ArchiveRules> = {}): string | undefined {
  return findEntryProblem({ name: 'a', type: 'file', target: '', ...header }, { ...rules, ...more });
}

describe('normalizeName', () => {
  test.each([
    ['./a//b/./c/', 'a/b/c'],
    ['./', ''],
    ['//etc/x', 'etc/x'],
    ['a...b', 'a...b'],
    ['.a/b./..c', '.a/b./..c'],
  ])('makes %s to "%s"', (name, normal) => {
    expect(normalizeName(name)).toBe(normal);
  });

  test('keeps all steps but empty ones and single dots, in every name', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('/', '.', 'a') }), (name) => {
        const steps = name.split('/').filter((step) => step !== '' && step !== '.');

        expect(normalizeName(name)).toBe(steps.join('/'));
      }),
    );
  });
});

describe('the packed folder itself', () => {
  test.each(['', '/', '.', './', '//', './/.'])('is recognised by the name "%s"', (name) => {
    expect(isRoot({ name, type: 'directory' })).toBe(true);
    expect(isRoot({ name, type: 'file' })).toBe(false);
  });

  test.each(['..', './..', 'a'])('is not recognised by the name "%s"', (name) => {
    expect(isRoot({ name, type: 'directory' })).toBe(false);
  });
});

describe('an entry is accepted', () => {
  test.each<[string, Partial<EntryHeader>]>([
    ['a file', { name: './opt/run.sh' }],
    ['a directory of the system', { name: 'etc/', type: 'directory' }],
    ['an absolute name, which everybody takes for a relative one', { name: '/etc/cron.d/x' }],
    ['a hard link to a name of the archive', { type: 'hard_link', target: '/opt/run.sh' }],
    ['a file in place of one of ours', { name: 'etc/passwd' }],
    ['a directory above one of ours', { name: 'etc/vault', type: 'directory' }],
    ['dots in a name', { name: 'a..b/...' }],
    ['letters of the world', { name: 'Grüße/日本' }],
    ['a link beside itself', { name: 'opt/a', type: 'link', target: 'b' }],
    ['a link up and down again', { name: 'opt/a/b', type: 'link', target: '../../srv/c' }],
  ])('as %s', (_, header) => {
    expect(problemOf(header)).toBeUndefined();
  });
});

describe('an entry is refused', () => {
  test.each<[string, Partial<EntryHeader>, string]>([
    ['no name', { name: '' }, 'it has no name'],
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
      { name: 'etc/passwd', type: 'link', target: 'b' },
      'its place belongs to a file of stint',
    ],
    ['a file over a system directory', { name: 'usr/lib' }, 'it would replace a system directory'],
    [
      'a link over a system directory',
      { name: 'etc', type: 'link', target: 'b' },
      'it would replace a system directory',
    ],
    ['a file above ours', { name: 'etc/vault' }, 'it would replace the directory of a file of stint'],
    ['a file as the root', { name: '.' }, 'it would replace the root'],
    ['a link as the root', { name: '/', type: 'link', target: 'b' }, 'it would replace the root'],
    ['a hard link up', { type: 'hard_link', target: 'a/../../b' }, 'it is a hard link that leads out'],
    ['a hard link to nowhere', { type: 'hard_link', target: '' }, 'it is a hard link to nowhere'],
    ['a hard link to the root', { type: 'hard_link', target: './' }, 'it is a hard link to nowhere'],
    ['a device', { type: 'device' }, 'it is a device'],
    ['a FIFO', { type: 'fifo' }, 'it is a FIFO'],
    [
      'a piece of a larger archive',
      { type: 'continuation' },
      'it is the rest of a file that began in another archive',
    ],
    ['something else', { type: 'unknown' }, 'it is of an unknown type'],
  ])('for %s', (_, header, problem) => {
    expect(problemOf(header)).toBe(problem);
  });
});

describe('a link is refused', () => {
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
    expect(problemOf({ name: 'opt/a', type: 'link', target })).toBe(problem);
  });

  test('for a link where none is allowed', () => {
    expect(problemOf({ type: 'link', target: 'b' }, { allowLinks: false })).toBe('it is a link');
  });
});
