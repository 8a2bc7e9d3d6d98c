import { describe, expect, test } from 'vitest';
import { checkFields, secretReferencePattern } from '../../src/job/check.js';
import type { SpecFields } from '../../src/job/job.js';

const complete: SpecFields = {
  queue: 'Deploys äöü 2',
  image: 'localhost:5000/team/app:1.2',
  entrypoint: ['/bin/sh', ''],
  command: ['-c', 'echo "a b"\n'],
  workingDirectory: '/srv/app',
  env: ['A=1', 'B=', 'C=x=y', 'with blank=1'],
  secretRefs: ['A@secret/data/app.key', 'B_2@kv/x-y.key-2'],
};

const wrongFields: readonly [string, SpecFields, string][] = [
  ['a long queue name', { queue: 'ä'.repeat(256) }, '`queue` to have at most 255 characters, got 256'],
  [
    'a line break in a queue name',
    { queue: 'ab\nc' },
    '`queue` to be free of control characters, got one at 2',
  ],
  ['a separator that breaks lines', { queue: 'a\u2028' }, 'got one at 1'],
  ['a mark that turns text around', { queue: 'a\u202eb' }, 'control characters, got one at 1'],
  ['a mark that isolates text', { queue: '\u2067ab' }, 'control characters, got one at 0'],
  [
    'very many references',
    { secretRefs: Array.from({ length: 501 }, (_, i) => `V${i}@kv/a.b`) },
    '`secretRefs` to have at most 500 entries, got 501',
  ],
  ['a control character of C1', { queue: '\u009b31m' }, 'got one at 0'],
  [
    'an image that is none',
    { image: 'App' },
    '`image` to be an image whose repository is in lower case, got "App"',
  ],
  [
    'a NUL in a command',
    { command: ['a', 'b\0'] },
    'entry 2 of `command` to be free of NUL characters, got one at 1',
  ],
  ['a NUL in an entrypoint', { entrypoint: ['\0'] }, 'entry 1 of `entrypoint` to be free of NUL'],
  [
    'a relative directory',
    { workingDirectory: 'srv' },
    '`workingDirectory` to be an absolute path, got "srv"',
  ],
  ['a NUL in a directory', { workingDirectory: '/a\0' }, '`workingDirectory` to be free of NUL'],
  ['a variable without value', { env: ['A=1', 'B'] }, 'entry 2 of `env` to be `NAME=value`, got no `=`'],
  ['a variable without name', { env: ['=x'] }, 'got no name before the `=`'],
  [
    'a NUL in a variable',
    { env: ['A=\0'] },
    'entry 1 of `env` ("A") to be free of NUL characters, got one at 2',
  ],
  [
    'a reference that is none',
    { secretRefs: ['A'] },
    'entry 1 of `secretRefs` to be `NAME@PATH.KEY`, got "A": the `@`',
  ],
];

describe('checkFields', () => {
  test('finds nothing wrong with complete fields, with none and with empty ones', () => {
    expect(checkFields(complete)).toEqual([]);
    expect(checkFields({})).toEqual([]);
    expect(checkFields({ queue: '', image: '', workingDirectory: '', env: [], command: [] })).toEqual([]);
  });

  test.each(wrongFields)('refuses %s', (_, fields, expected) => {
    const problems = checkFields(fields);

    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
    expect(problems[0]).toMatch(/^Expected .*\.$/s);
  });

  test('knows the bounds of entries: bytes, not characters', () => {
    const most = 128 * 1024 - 1;

    expect(checkFields({ command: ['x'.repeat(most)], env: [`A=${'x'.repeat(most - 2)}`] })).toEqual([]);
    expect(checkFields({ command: ['ä'.repeat(most / 2 + 1)] })[0]).toContain(`at most ${most} bytes long`);
    expect(checkFields({ env: [`A=${'x'.repeat(most - 1)}`] })[0]).toContain(`got ${most + 1} bytes`);
  });

  test('knows the bounds of lists', () => {
    const env = Array.from({ length: 4097 }, (_, index) => `A${index}=`);

    expect(checkFields({ env: env.slice(1) })).toEqual([]);
    expect(checkFields({ env })).toEqual(['Expected `env` to have at most 4096 entries, got 4097.']);
  });

  test('lists all problems, under the names of the door', () => {
    const problems = checkFields(
      { queue: '\n', image: ':', env: ['A', 'B'], secretRefs: [''] },
      { queue: 'qname', env: 'env_vars', secretRefs: 'secret_refs' },
    );

    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).toMatch(/`qname`[\s\S]*`image`[\s\S]*`env_vars`[\s\S]*`secret_refs`/);
  });

  test('never quotes the value of a variable, and cuts what it quotes', () => {
    const problems = checkFields({ env: ['TOKEN=hunter2\0', 'hunter2'], image: `A${'b'.repeat(5000)}` });

    expect(problems.join('\n')).not.toContain('hunter2');
    expect(problems.join('\n').length).toBeLessThan(700);
  });

  test('hands on the pattern of references', () => {
    expect('A@b/c.d').toMatch(secretReferencePattern);
  });
});

describe('arguments and variables together', () => {
  const entry = 'x'.repeat(100_000);
  const list = (length: number, prefix = '') => Array.from({ length }, () => `${prefix}${entry}`);

  test('are refused when no kernel takes them, though each is short enough', () => {
    const problems = checkFields(
      { entrypoint: list(7), command: list(7), env: list(8, 'V=') },
      { command: 'run' },
    );

    expect(problems).toEqual([
      'Expected `entrypoint`, `run` and `env` to take at most 2093056 bytes together, each entry counted with 9 more, got 2200214 bytes.',
    ]);
  });

  test('are taken up to that', () => {
    expect(checkFields({ entrypoint: list(7), command: list(7), env: list(6, 'V=') })).toEqual([]);
  });

  test('count with their number, too', () => {
    const short = Array.from({ length: 4096 }, () => 'x'.repeat(240));

    expect(checkFields({ command: short, entrypoint: short })).toHaveLength(0);
    expect(checkFields({ command: short, entrypoint: short, env: short.map(() => 'V=123456') })).toHaveLength(
      1,
    );
  });
});
