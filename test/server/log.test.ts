import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../src/config/config.js';
import { BrokenError, FencedError, JobFailedError, RefusedError } from '../../src/job/errors.js';
import { Secret } from '../../src/job/secret.js';
import { createLog, type Facts, type Log } from '../../src/server/log.js';

function logAt(level: 'debug' | 'info' | 'warn' | 'error' | 'silent' = 'debug') {
  const lines: string[] = [];
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, records: () => lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

function logged(facts: Facts): Record<string, unknown> {
  const { log, records } = logAt();
  log.info('said', facts);
  return records()[0] ?? {};
}

describe('the log', () => {
  test('writes one JSON object a line, with level, time and sentence', () => {
    const { log, lines, records } = logAt();

    log.info('a job was\nsubmitted', { job: 'j1', count: 2, big: 12n });

    expect(lines[0]?.trimEnd()).not.toContain('\n');
    expect(records()[0]).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      job: 'j1',
      count: 2,
      big: '12',
      msg: 'a job was\nsubmitted',
    });
  });

  test.each([
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['info', ['info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['error', ['error']],
    ['silent', []],
  ] as const)('at level %s writes %j', (level, expected) => {
    const { log, records } = logAt(level);
    for (const each of ['debug', 'info', 'warn', 'error'] as const) log[each]('said');

    expect(records().map((record) => record.level)).toEqual(expected);
  });

  test('a child adds its facts to every line, and its children theirs', () => {
    const { log, records } = logAt();
    const child: Log = log.child({ job: 'j1', token: 'hunter2' }).child({ step: 2 });

    child.warn('said', { more: true });

    expect(records()[0]).toMatchObject({ job: 'j1', step: 2, more: true, token: '[secret]' });
  });

  test('a fact cannot take the place of the sentence', () => {
    expect(logged({ msg: 'other' })).toMatchObject({ msg: 'said', text: 'other' });
  });
});

describe('secrets in facts', () => {
  test.each([
    'token',
    'vaultToken',
    'X-Auth-Token',
    'Authorization',
    'Proxy-Authorization',
    'Set-Cookie',
    'password',
    'passphrase',
    'secretId',
    'secret_id',
    'wrappedSecretId',
    'apiKey',
    'api-key',
    'sealKey',
    'seal-key',
    'privateKey',
    'credentials',
    'payload',
    'ciphertext',
    'env',
  ])('what is called %s is not shown, at any depth', (name) => {
    const facts = logged({ [name]: 'hunter2', a: { b: [{ [name]: { c: 'hunter2' } }] } });

    expect(JSON.stringify(facts)).not.toContain('hunter2');
    expect(facts[name]).toBe('[secret]');
  });

  test.each([
    ['tokenInEnv', false],
    ['tokenUses', 3],
    ['token', undefined],
    ['token', null],
    ['secretRefs', ['A@b.c']],
    ['secret_file', '/secrets.yml'],
    ['secretCount', 2],
    ['environment', 'test'],
  ])('but %s: %j is', (name, value) => {
    expect(logged({ [name]: value })[name]).toEqual(value);
  });
});

describe('other facts', () => {
  test('a wrapped secret hides itself under any name', () => {
    expect(logged({ value: new Secret('hunter2'), list: [new Secret('hunter2')] })).toMatchObject({
      value: '[secret]',
      list: ['[secret]'],
    });
  });

  test('bytes are counted, not shown', () => {
    const bytes = Buffer.from('hunter2');

    expect(logged({ bytes, deep: { plain: new Uint8Array(bytes) } })).toMatchObject({
      bytes: '[7 bytes]',
      deep: { plain: '[7 bytes]' },
    });
  });

  test('a cycle of objects ends', () => {
    const circle: Record<string, unknown> = { name: 'round' };
    circle.self = circle;

    expect(JSON.stringify(logged({ circle }))).toContain('[too deep]');
  });

  test('a time stays a time', () => {
    expect(logged({ at: new Date(0) }).at).toBe('1970-01-01T00:00:00.000Z');
  });
});

describe('errors in facts', () => {
  test('one of a library shows what it is and where it was thrown, but no message and no field', () => {
    const error = Object.assign(new TypeError('hunter2 in a message'), {
      code: 'ECONNRESET',
      status: 503,
      config: { headers: { 'X-Vault-Token': 'hunter2' } },
      toJSON: () => ({ config: 'hunter2' }),
    });

    const { error: seen } = logged({ error });

    expect(JSON.stringify(seen)).not.toContain('hunter2');
    expect(seen).toMatchObject({ name: 'TypeError', code: 'ECONNRESET', status: 503 });
    expect((seen as { stack: string[] }).stack[0]).toMatch(/^at .*log\.test\.ts:\d+:\d+\)?$/);
  });

  test.each([
    new RefusedError('not_found', 'There is no such job.'),
    new BrokenError('vault_unavailable', 'Could not reach Vault.'),
    new JobFailedError('start_failed', 'command_missing', 'Could not start it.'),
    new FencedError('The claim was lost.'),
    new ConfigError(['Expected A to be B, got C.']),
  ])('one of ours shows its sentence: $name', (error) => {
    expect(logged({ error }).error).toMatchObject({ name: error.name, message: error.message });
  });

  test('causes are shown by the same rules, and a cycle of them ends', () => {
    const cause = new Error('hunter2', { cause: 'hunter2' });
    const error = new BrokenError('internal', 'Could not go on.', { cause });
    Object.assign(cause, { cause: error });

    const seen = logged({ error }).error;

    expect(seen).toMatchObject({ message: 'Could not go on.', cause: { name: 'Error' } });
    expect(JSON.stringify(seen)).not.toContain('hunter2');
  });

  test('names and codes that are sentences are not logged', () => {
    const error = Object.assign(new Error('x'), { name: 'the hunter2', code: 'is hunter2' });

    expect(logged({ error }).error).toMatchObject({ name: 'Error' });
    expect(JSON.stringify(logged({ error }))).not.toContain('is hunter2');
  });

  test('a message that looks like a stack frame is not logged', () => {
    const error = new Error('sorry\n    at hunter2:1:1\n    at Object.hunter2 (x.js:1:1)');

    expect(JSON.stringify(logged({ error }))).not.toContain('hunter2');
  });

  test('they are found inside of lists and objects too', () => {
    expect(inspect(logged({ all: [{ error: new Error('hunter2') }] }), { depth: 9 })).not.toContain(
      'hunter2',
    );
  });
});

const hostileTexts = [
  'a\r\n{"level":"error","msg":"forged"}',
  '\u001b[2J\u001b]0;title\u0007',
  '\u009b31m\u0090q\u009c',
  '\u2028\u2029\u0085',
  'photo\u202egpj.sh\u2066\u2069\u200f',
  '\u0000\u0008\u007f',
  '<script>alert(1)</script>=cmd()',
];

test.each(hostileTexts)(
  'A5: what jobs and clients call their things is one record, without a character that a terminal obeys: %j',
  (text) => {
    const { log, lines, records } = logAt();

    log.info(text, { queue: text, [text]: { deep: text } });

    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, -1)).toMatch(/^[^\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]*$/u);
    expect(records()[0]).toMatchObject({ msg: text, queue: text });
  },
);
