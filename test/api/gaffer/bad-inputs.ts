/** A request that must be refused, and what the refusal has to say. */
export interface BadInput {
  readonly name: string;
  readonly path: string;
  readonly method: string;
  readonly body: string | Uint8Array;
  readonly status: number;
  /** The `reason` of the answer. */
  readonly reason: string;
  /** What `details` must hold, in this order, with `…` between. */
  readonly details: string;
}

const small = { name: 'web', cmd: 'httpd' };

function raw(name: string, body: string | Uint8Array, reason: string, details: string): BadInput {
  return { name, path: '/jobs/shop', method: 'POST', body, status: 400, reason, details };
}

/** A job in which only these fields are wrong. */
function job(fields: object, reason: string, details: string): BadInput {
  return raw(JSON.stringify(fields).slice(0, 50), JSON.stringify({ ...small, ...fields }), reason, details);
}

const field = (json: string) => `{"name":"web","cmd":"httpd",${json}}`;

export const badJobs: readonly BadInput[] = [
  raw('no body', '', 'body', 'the body…nothing'),
  raw('a form', 'name=web&cmd=httpd', 'body', 'the body…JSON…at character 1'),
  raw('an open object', '{"name":', 'body', 'the body…too early'),
  raw('a list', '[]', 'body', 'the body…JSON object…a list'),
  raw('a field twice', field('"uid":1,"uid":2'), 'body', 'once…"uid" twice'),
  raw('a variable twice', field('"env":{"A":1,"\\u0041":2}'), 'body', 'once…"A" twice'),
  raw('a deep nesting', field(`"group":${'['.repeat(100)}${']'.repeat(100)}`), 'body', '64 levels'),
  raw('very many values', field(`"args":[${'"",'.repeat(30_001)}""]`), 'body', '30000 values'),
  raw('bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'body', 'UTF-8'),
  { ...raw('a large body', ' '.repeat(1024 * 1024 + 1), 'body too large', '1048576 bytes'), status: 413 },
  raw('no name', '{"cmd":"true"}', 'name', 'name is required, got nothing'),
  raw('no command', '{"name":"web"}', 'cmd', 'cmd is required, got nothing'),
  raw('neither', '{}', 'name', 'name is required…cmd is required'),
  job({ name: '' }, 'name', 'name is required'),
  job({ name: 'a.b' }, 'name', 'name must be…without `.`…got "a.b"'),
  job({ name: 'a/b' }, 'name', 'name must be…"a/b"'),
  job({ name: 'a\nb' }, 'name', 'name must be…"a\\nb"'),
  job({ name: 'a'.repeat(256) }, 'name', 'name must be 1 to 255 characters'),
  job({ name: 7 }, 'name', 'name must be…got a number'),
  { ...job({}, 'body', 'session must be…without `.`'), path: '/jobs/a.b' },
  { ...job({}, 'body', 'session must be…without `.`'), path: '/jobs/a%2Fb' },
  job({ cmd: ['httpd'] }, 'cmd', 'cmd must be a text, got a list'),
  job({ cmd: `sh -c 'open` }, 'cmd', 'cmd must be a text whose quotes are closed'),
  job({ cmd: '   ' }, 'cmd', 'begins with a program'),
  job({ cmd: '""' }, 'cmd', 'begins with a program'),
  job({ cmd: '$NAME', env: { NAME: '' } }, 'cmd', 'begins with a program'),
  job({ cmd: 'a\0b' }, 'cmd', '`cmd`…NUL'),
  job({ args: `'open` }, 'args', 'args must be a text whose quotes are closed'),
  job({ args: ['a', 7] }, 'args', 'entry 2 of args must be a text, got a number'),
  job({ args: 7 }, 'args', 'args must be a list, got a number'),
  job({ args: 'a '.repeat(5000) }, 'args', '`args`…4096 entries'),
  job({ args: '$A'.repeat(100_000), env: { A: 'canary'.repeat(20_000) } }, 'args', '`args`…bytes'),
  job({ env: ['A=1'] }, 'env', 'env must be a map, got a list'),
  job({ env: { A: null } }, 'env', '"A" of env must be a text, a number…got nothing'),
  job({ env: { name: { b: 'canary' } } }, 'env', '"name" of env must be a text'),
  job({ env: { 'A=B': 'canary' } }, 'env', 'the name "A=B" of env'),
  job({ env: { A: `canary${'x'.repeat(131_072)}` } }, 'env', '`env`…131071 bytes'),
  job({ uid: 'nobody' }, 'uid', 'uid must be a number…"nobody"'),
  job({ uid: -1 }, 'uid', 'uid must be a number'),
  job({ gid: 2 ** 31 }, 'gid', 'gid must be a number'),
  job({ uid: 0 }, 'uid', 'Not allowed by the operator: `uid`…0:2001…STINT_ALLOW_USERS'),
  job({ gid: 0 }, 'uid', '`uid`…2001:0…STINT_ALLOW_USERS'),
  job({ cwd: 'work' }, 'cwd', '`cwd`…absolute path'),
  job({ cwd: ['/'] }, 'cwd', 'cwd must be a text'),
  job({ shell: 'yes' }, 'shell', 'shell must be `true` or `false`, got a text'),
  job({ detach: 1 }, 'detach', 'detach must be `true` or `false`'),
  job({ redirect_output: 'out' }, 'redirect_output', 'redirect_output must be a list, got a text'),
  job({ custom_streams: 'a' }, 'custom_streams', 'custom_streams must be a list, got a text'),
  job({ custom_streams: ['a.b'] }, 'custom_streams', 'entry 1 of `custom_streams`…letters, digits'),
  job({ custom_streams: ['a', 'a'] }, 'custom_streams', '`custom_streams` once, got "a" again'),
  job({ custom_streams: ['a-b', 'A_B'] }, 'custom_streams', 'entry 2 of custom_streams…GAFFER_STREAM_A_B'),
  job({ custom_streams: ['stdin'] }, 'custom_streams', 'entry 1 of custom_streams must not be "stdin"'),
  job({ custom_streams: ['o'], redirect_output: ['o'] }, 'custom_streams', 'entry 1 of custom_streams'),
  job(
    { custom_streams: Array.from({ length: 17 }, (_, at) => `s${at}`) },
    'custom_streams',
    '`custom_streams`…at most 16 entries, got 17',
  ),
  job({ custom_channels: ['x'] }, 'custom_channels', 'custom_channels is not supported'),
  job({ numprocesses: -1 }, 'numprocesses', 'numprocesses must be a whole number from 0 to 1000, got -1'),
  job({ numprocesses: 1001 }, 'numprocesses', 'got 1001'),
  job({ numprocesses: '2' }, 'numprocesses', 'numprocesses must be…"2"'),
  job({ flapping: [] }, 'flapping', 'flapping must be an object'),
  job({ flapping: { attempts: 0 } }, 'flapping', 'attempts in flapping must be…got 0'),
  job({ flapping: { window: -1 } }, 'flapping', 'window in flapping must be'),
  job({ graceful_timeout: 61 }, 'graceful_timeout', '`graceful_timeout`…61000 ms…STINT_STOP_GRACE_MAX'),
  job({ graceful_timeout: 'soon' }, 'graceful_timeout', 'graceful_timeout must be'),
  job({ image: 'Upper' }, 'image', '`image`…"Upper"'),
  job({ wrap_secret_id: 's.canary 1' }, 'wrap_secret_id', 'wrap_secret_id must be a token'),
  job({ secret_refs: ['A@kv/data/a.b'] }, 'secret_refs', 'secret_refs needs a wrap_secret_id'),
  job({ wrap_secret_id: 's.canary', secret_refs: ['A'] }, 'secret_refs', '`secret_refs`…NAME@PATH.KEY'),
  job({ secret_file_type: 'toml' }, 'secret_file_type', 'secret_file_type must be one of yaml, json'),
];
