import { expect, test } from 'vitest';
import { type Config, ConfigError, readConfig } from '../../src/config/config.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint:pg@db/stint',
  VAULT_ADDR: 'https://vault.example:8200/',
  STINT_APPROLE_ID: 'role',
  STINT_APPROLE_NAME: 'stint-role',
};
const path = '/etc/stint/rules.yml';

function read(file: string, env = {}): Config {
  const readFile = (asked: string) => {
    if (asked === path) return file;
    throw Object.assign(new Error(`no ${asked}`), { code: 'ENOENT' });
  };
  const machine = { cores: 4, isRoot: false, home: '/home/ada', readFile };
  return readConfig({ ...needed, STINT_ALLOW_RULES: path, ...env }, machine);
}

function rulesOf(file: string) {
  return read(file).job.rules;
}

function problemsOf(file: string, env = {}): readonly string[] {
  try {
    read(file, env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

test('a file of rules says for each queue and door what its jobs may ask for, written as in the settings for all', () => {
  const rules = rulesOf(`
# Images are built here.
- queue: Build-*
  door: gostint
  images: registry.example.org/**
  users: [0:0, image]
  capabilities: CHOWN, SETUID
- door: runai
  networks: [batch, host]
  ports: 18000-18999, 80
  mounts:
    - /srv/ref
    - /srv/scratch:rw
  volumes: cache:rw
  gpus: 8
`);

  expect(rules).toEqual([
    {
      queue: 'build-*',
      door: 'gostint',
      allows: {
        images: ['registry.example.org/**'],
        users: [{ uid: 0, gid: 0 }, 'image'],
        capabilities: ['CHOWN', 'SETUID'],
        mounts: [],
      },
    },
    {
      door: 'runai',
      allows: {
        networks: ['batch', 'host'],
        ports: [
          { from: 18_000, to: 18_999 },
          { from: 80, to: 80 },
        ],
        mounts: [
          { kind: 'bind', source: '/srv/ref', readOnly: true },
          { kind: 'bind', source: '/srv/scratch', readOnly: false },
          { kind: 'volume', source: 'cache', readOnly: false },
        ],
        mostGpus: 8,
      },
    },
  ]);
});

test.each([
  ['- queue: no\n  users: 0:0', { queue: 'no' }],
  ['- queue: 007\n  users: 0:0', { queue: '007' }],
  ['- queue: ""\n  users: 0:0', { queue: '' }],
  ['- queue: "*"\n  gpus: 2', { queue: '*' }],
  ['- &a\n  queue: a\n  gpus: 2\n- *a', { queue: 'a' }],
])('a file of rules takes names as they are written: %j', (file, rule) => {
  expect(rulesOf(file)[0]).toMatchObject(rule);
});

test('a file of rules may hold no rule', () => {
  expect(rulesOf('[]')).toEqual([]);
  expect(read('', { STINT_ALLOW_RULES: '' }).job.rules).toEqual([]);
});

test('a file of rules is refused with all that is wrong, and its lines, beside what is wrong elsewhere', () => {
  const file = `- queue: build
  user: 0:0
  gpus: many
- door: http
  mounts:
    - /srv/
- users: 0:0
- queue: build
- text
- queue: [a, b]
  capabilities: SYS_ADMIN
- queue: b
  volumes: {a: b}
  privileged: true
  __proto__: {users: 0:0}
`;

  const problems = problemsOf(file, { STINT_PORT: 'x' });

  expect(problems.map((problem) => problem.replaceAll(`"${path}"`, 'FILE'))).toEqual([
    expect.stringMatching(/STINT_PORT/),
    expect.stringMatching(/^Expected `gpus` in line 3 of FILE to be a whole number .*, got "many"\.$/),
    expect.stringMatching(/^Expected the rule in line 1 of FILE to have no keys but .*, got "user"\.$/),
    expect.stringMatching(/^Expected `door` in line 4 of FILE to be one of gostint, .*, got "http"\.$/),
    expect.stringMatching(/^Expected `mounts` in line 6 of FILE to be absolute paths .*, got something/),
    expect.stringMatching(/^Expected the rule in line 7 of FILE to be one with a `queue` or a `door`, got/),
    expect.stringMatching(/^Expected the rule in line 8 of FILE to be one that allows something, got/),
    expect.stringMatching(/^Expected the rule in line 9 of FILE to be keys and values of a rule, got "text"/),
    expect.stringMatching(/^Expected `queue` in line 10 of FILE to be .*, got something else\.$/),
    expect.stringMatching(/^Expected `capabilities` in line 11 of FILE to be names .*, got "SYS_ADMIN"\.$/),
    expect.stringMatching(/^Expected `volumes` in line 13 of FILE to be names .*, got something else\.$/),
    expect.stringMatching(/^Expected the rule in line 12 of FILE .* got "privileged", "__proto__"\.$/),
  ]);
});

test.each([
  ['queue: a\nusers: 0:0', 'the text in line 1'],
  ['', 'the text in line 1'],
  ['- *nobody', 'the text in line 1'],
  ['- queue: a\n  queue: b\n  gpus: 1', 'YAML in line 2'],
  ['- queue: "a', 'YAML in line 1'],
  ['[]\n---\n[]', 'YAML in line 2'],
])('a file of another kind is refused: %j', (file, what) => {
  expect(problemsOf(file)).toEqual([expect.stringContaining(`Expected ${what} of "${path}"`)]);
});

test('a file that is not there is refused', () => {
  expect(problemsOf('', { STINT_ALLOW_RULES: '/nonesuch' })).toEqual([
    'Expected STINT_ALLOW_RULES to name a readable file, got "/nonesuch" (ENOENT).',
  ]);
});
