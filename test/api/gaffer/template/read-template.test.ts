import { describe, expect, test } from 'vitest';
import { defaultFlapping } from '../../../../src/api/gaffer/supervision/brake.js';
import { readTemplate } from '../../../../src/api/gaffer/template/read-template.js';
import { launch } from '../../../../src/api/gaffer/template/template.js';
import { type OptionsPolicy, strictPolicy } from '../../../../src/job/options/policy.js';

const policy: OptionsPolicy = {
  ...strictPolicy,
  mostStopGraceMs: 60_000,
  users: [
    { uid: 1000, gid: 100 },
    { uid: 1000, gid: 2001 },
    { uid: 0, gid: 0 },
  ],
  mounts: [
    { kind: 'bind', source: '/srv', readOnly: false },
    { kind: 'bind', source: '/ref', readOnly: true },
    { kind: 'bind', source: '/etc', readOnly: false },
  ],
};
const gaffer = { image: 'busybox:latest', flapping: defaultFlapping, origins: [] };

function read(fields: object) {
  return readTemplate({ name: 'web', cmd: 'httpd', ...fields }, { gaffer, policyFor: () => policy });
}
const started = (fields: object) => launch(read(fields).template);
const words = (fields: object) => {
  const { entrypoint, command = [] } = started(fields);
  return [...entrypoint, ...command];
};

test('the smallest job runs the image of the operator as everybody, and gets ten seconds to end', () => {
  const { template, name, starts } = read({});

  expect({ name, starts }).toEqual({ name: 'web', starts: true });
  expect(template).toMatchObject({ numprocesses: 1, detach: false, config: { name: 'web', cmd: 'httpd' } });
  expect(launch(template)).toEqual({
    image: 'busybox:latest',
    entrypoint: ['httpd'],
    command: [],
    env: [],
    options: { stopGraceMs: 10_000 },
  });
});

test('the full form with substitution is started as the page says', () => {
  const fields = {
    cmd: 'httpd -p $PORT',
    args: ['-h', '$\u007bROOT}/pub', 'cost: $$5', '$NOPE'],
    env: { PORT: 8080, ROOT: '/srv/x' },
    cwd: '/var/empty/',
    numprocesses: 2,
    redirect_output: ['out', 'err'],
    graceful_timeout: 3,
    image: 'busybox:1.36',
    start: false,
    custom_channels: [],
    unknown: { a: 1 },
  };

  const { template, starts } = read(fields);

  expect(starts).toBe(false);
  const { start: _, custom_channels: __, ...shown } = fields;
  expect(template.config).toEqual({ name: 'web', ...shown });
  expect(launch(template)).toEqual({
    image: 'busybox:1.36',
    entrypoint: ['httpd'],
    command: ['-p', '8080', '-h', '/srv/x/pub', 'cost: $5', '$NOPE'],
    env: ['PORT=8080', 'ROOT=/srv/x'],
    workingDirectory: '/var/empty',
    options: { stopGraceMs: 3_000 },
  });
});

describe('the command', () => {
  test.each<[object, string[]]>([
    [
      { cmd: `sh -c 'while true; do date; sleep 5; done'` },
      ['sh', '-c', 'while true; do date; sleep 5; done'],
    ],
    [{ cmd: '"httpd"' }, ['httpd']],
    [{ cmd: 'httpd', args: `-p 80 'a b' ""` }, ['httpd', '-p', '80', 'a b', '']],
    [{ cmd: '$RUN now', env: { RUN: 'a b' } }, ['a b', 'now']],
    [{ cmd: 'echo', args: ['$A', ''], env: { A: '$B', B: 'x' } }, ['echo', '$B', '']],
    [{ cmd: 'echo', args: ['$N $T'], env: { N: 0.5, T: true } }, ['echo', '0.5 true']],
    [
      { cmd: 'echo a b | wc -w', shell: true, args: ['ignored word'] },
      ['/bin/sh', '-c', "echo a b | wc -w 'ignored word'"],
    ],
    [
      { cmd: 'echo $A "', shell: true, args: ['$B', "it's", '', '-x=1'], env: { A: 1 } },
      ['/bin/sh', '-c', `echo $A " '$B' 'it'"'"'s' '' -x=1`],
    ],
  ])('of %j is %j', (fields, expected) => {
    expect(words(fields)).toEqual(expected);
  });
});

describe('the user', () => {
  test.each([
    [
      { uid: 1000, gid: 100 },
      { uid: 1000, gid: 100 },
    ],
    [{ uid: '1000' }, { uid: 1000, gid: 2001 }],
    [
      { uid: 0, gid: '0' },
      { uid: 0, gid: 0 },
    ],
    [{ uid: 2001, gid: 2001 }, undefined],
    [{ uid: null }, undefined],
  ])('of %j is %j', (fields, user) => {
    expect(started(fields).options?.user).toEqual(user);
  });
});

const mount = (source: string, readOnly: boolean) => [{ kind: 'bind', source, target: source, readOnly }];

describe('the working directory', () => {
  test.each([
    ['/srv/app', mount('/srv/app', false)],
    ['/srv//app/', mount('/srv/app', false)],
    ['/ref/data', mount('/ref/data', true)],
    ['/srv/../root', undefined],
    ['/home/ines/app', undefined],
    ['/etc', undefined],
  ])('%s is mounted where the operator allows it: %j', (cwd, mounts) => {
    expect(started({ cwd }).options?.mounts).toEqual(mounts);
  });
});

test('a brake of its own is completed as in the original', () => {
  expect(read({ flapping: { attempts: 3, retry_in: 0.5 } }).template.flapping).toEqual({
    attempts: 3,
    window: 1,
    retry_in: 0.5,
    max_retry: 5,
  });
  expect(read({}).template.flapping).toBeUndefined();
});

test('secrets are read with the login of the job', () => {
  const wanted = { wrap_secret_id: 's.wrap', secret_refs: ['A@kv/data/a.b'], secret_file_type: 'json' };

  const { template, wrappedSecretId } = read(wanted);

  expect(wrappedSecretId?.reveal()).toBe('s.wrap');
  expect(JSON.stringify(template)).not.toContain('s.wrap');
  expect(launch(template)).toMatchObject({ secretRefs: ['A@kv/data/a.b'], secretFileType: 'json' });
  expect(started({})).not.toHaveProperty('secretRefs');
});

test('another configuration has the login of the job that it is for', () => {
  const settings = { gaffer, policyFor: () => policy };
  const config = { name: 'web', cmd: 'httpd', secret_refs: ['B@kv/data/a.c'] };

  const { template, wrappedSecretId } = readTemplate(config, settings, { hasLogin: true });

  expect(wrappedSecretId).toBeUndefined();
  expect(launch(template)).toMatchObject({ secretRefs: ['B@kv/data/a.c'] });
  expect(() => readTemplate(config, settings, { hasLogin: false })).toThrow('secret_refs needs');
  const again = { ...config, wrap_secret_id: 's.wrap' };
  expect(() => readTemplate(again, settings, { hasLogin: true })).toThrow(
    'wrap_secret_id is not supported here',
  );
});

test('what cannot be expressed but is empty or off is accepted, as clients send it', () => {
  const fields = {
    detach: false,
    redirect_input: false,
    custom_streams: [],
    custom_channels: [],
    os_env: true,
    priority: 7,
    group: null,
    uid: null,
    secret_refs: [],
    redirect_output: ['a', 'b', 'more'],
  };

  expect(() => read(fields)).not.toThrow();
});
