/** A request that must be refused, and what the refusal has to say. */
export interface BadInput {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly status: number;
  readonly text: string;
  /** What the sentence must name. */
  readonly names: string;
}

const invalidJob = 'Invalid job request.';
const invalid = 'Invalid request.';

function posted(name: string, body: string | Uint8Array, names: string): BadInput {
  return { name, method: 'POST', path: '/v1/api/job', body, status: 400, text: invalidJob, names };
}

/** A submit in which only this field is wrong. */
function withField(field: string, value: unknown, got: string): BadInput {
  const body = JSON.stringify({ wrap_secret_id: 's.wrap', [field]: value });
  const shown = JSON.stringify(value).slice(0, 40);
  return { ...posted(`${field} ${shown}`, body, field), names: `\`${field}\`…${got}` };
}

function raw(name: string, json: string, names: string): BadInput {
  return posted(name, json, names);
}

const body = 'the body';

export const badBodies: readonly BadInput[] = [
  posted('no body', '', `${body}…nothing`),
  posted('blanks', ' \n ', `${body}…nothing`),
  posted('a form', 'qname=demo&wrap_secret_id=s.wrap', body),
  posted('an open object', '{', `${body}…too early`),
  posted('a cut text', '{"wrap_secret_id":"s.wr', `${body}…too early`),
  posted('a trailing comma', '{"wrap_secret_id":"s.wrap",}', body),
  posted('single quotes', "{'wrap_secret_id':'s.wrap'}", body),
  posted('two objects', '{}{}', body),
  posted('NaN', '{"tty":NaN}', body),
  posted('a raw NUL', '{"qname":"a\0b"}', body),
  posted('a bad escape', '{"qname":"\\x"}', body),
  posted('a list', '[]', `${body}…a list`),
  posted('a text', '"hello"', `${body}…a text`),
  posted('a number', '7', `${body}…a number`),
  posted('null', 'null', `${body}…nothing`),
  posted('true', 'true', `${body}…\`true\``),
  posted('bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), `${body}…UTF-8…other bytes`),
  posted('UTF-16', Buffer.from('{"wrap_secret_id":"s.wrap"}', 'utf16le'), body),
  raw('a field twice', '{"wrap_secret_id":"s.a","wrap_secret_id":"s.b"}', `${body}…"wrap_secret_id" twice`),
  raw('a field twice, once escaped', '{"run":["a"],"\\u0072un":["b"],"wrap_secret_id":"s.w"}', '"run" twice'),
  raw('a deep nesting', `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, `${body}…64 levels`),
  raw('very many texts', `{"x":[${'"",'.repeat(30_001)}""]}`, `${body}…30000`),
  { ...posted('a large body', ' '.repeat(1024 * 1024 + 1), `${body}…1048576 bytes`), status: 413 },
];

export const badWrappers: readonly BadInput[] = [
  raw('no wrapping token', '{"qname":"x"}', 'Wrapping Token…`wrap_secret_id`'),
  raw('an empty wrapping token', '{"wrap_secret_id":""}', 'Wrapping Token…`wrap_secret_id`'),
  raw('a null wrapping token', '{"wrap_secret_id":null}', 'Wrapping Token…`wrap_secret_id`'),
  raw(
    'two wrapping tokens, in two cases',
    '{"wrap_secret_id":"s.w","Wrap_Secret_Id":"s.w"}',
    '`wrap_secret_id` once',
  ),
  withField('wrap_secret_id', 42, 'a number'),
  withField('wrap_secret_id', ['s.wrap'], 'a list'),
  withField('wrap_secret_id', { token: 's.wrap' }, 'an object'),
  withField('wrap_secret_id', 's.wr ap', 'something else'),
  withField('wrap_secret_id', 's.wrap\n', 'something else'),
  withField('wrap_secret_id', 's.wrap\0', 'something else'),
  withField('wrap_secret_id', 'ä', 'something else'),
  withField('wrap_secret_id', 'x'.repeat(4097), 'something else'),
  withField('wrap_secret_id', '\ud800', 'half of a surrogate pair'),
  withField('cubby_token', 's.cubby', 'nothing'),
  withField('cubby_path', 'cubbyhole/job', 'nothing'),
  withField('cubby_token', 7, 'a number'),
  withField('payload', 'hello', 'something else'),
  withField('payload', 'vault:v1:', 'something else'),
  withField('payload', 'vault:v1:abc_', 'something else'),
  withField('payload', { qname: 'x' }, 'an object'),
  ...[
    'kv/data/job',
    'cubbyhole',
    'cubbyhole/',
    'cubbyhole//job',
    'cubbyhole/../kv/data/job',
    'cubbyhole/./job',
    'cubbyhole/%2e%2e/job',
    'cubbyhole/job?x=1',
    'cubbyhole/job#x',
    '/cubbyhole/job',
    's.cubbyToken',
  ].map((path) =>
    raw(
      `cubby_path ${path}`,
      JSON.stringify({ wrap_secret_id: 's.wrap', cubby_token: 's.cubby', cubby_path: path }),
      '`cubby_path`…`cubbyhole/`',
    ),
  ),
  raw(
    'cubby_token with a blank',
    '{"wrap_secret_id":"s.wrap","cubby_token":"s. cubby","cubby_path":"cubbyhole/job"}',
    '`cubby_token`…something else',
  ),
];

export const badFields: readonly BadInput[] = [
  withField('qname', 7, 'a number'),
  withField('qname', 'a\nb', 'control characters…1'),
  withField('qname', 'a\0', 'control characters…1'),
  withField('qname', 'q'.repeat(256), '256'),
  withField('qname', '\udc00', 'half of a surrogate pair'),
  raw('qname 1e999', '{"wrap_secret_id":"s.wrap","qname":1e999}', '`qname`…a number'),
  withField('container_image', 'Alpine', 'lower case'),
  withField('container_image', 'alpine 3', '"alpine 3"'),
  withField('container_image', ':latest', 'repository'),
  withField('container_image', 'alpine:', 'tag'),
  withField('container_image', `alpine:${'t'.repeat(129)}`, 'tag'),
  withField('container_image', 'alpine@sha256:abc', 'digest'),
  withField('container_image', 'https://example.org/alpine', 'image'),
  withField('container_image', 'reg_istry.example:99999999/x', 'registry'),
  withField('container_image', '../../etc', 'registry'),
  withField('container_image', ['alpine'], 'a list'),
  withField('image_pull_policy', 'always', '"always"'),
  withField('image_pull_policy', true, '`true`'),
  withField('run', 'ls -l', 'a text'),
  withField('run', { 0: 'ls' }, 'an object'),
  withField('run', ['ls\0'], 'NUL'),
  withField('run', ['x'.repeat(128 * 1024)], '131072 bytes'),
  withField(
    'run',
    Array.from({ length: 4097 }, () => 'x'),
    '4097',
  ),
  raw('run [1e999]', '{"wrap_secret_id":"s.wrap","run":["ls",1e999]}', 'entry 2 of `run`…a number'),
  raw('run [null]', '{"wrap_secret_id":"s.wrap","run":[null]}', 'entry 1 of `run`…nothing'),
  withField('entrypoint', 5, 'a number'),
  withField('entrypoint', ['sh', ['-c']], 'a list'),
  withField('working_directory', 'tmp', '"tmp"'),
  withField('working_directory', '/tmp\0', 'NUL'),
  withField('working_directory', false, '`false`'),
  withField('env_vars', ['STAGE'], 'no `=`'),
  withField('env_vars', ['=night'], 'no name'),
  withField('env_vars', ['A=\0'], 'NUL'),
  withField('env_vars', { STAGE: 'night' }, 'an object'),
  withField('secret_refs', ['db_password'], '`@`'),
  withField('secret_refs', ['db@kv/data/db'], '`.KEY`'),
  withField('secret_refs', ['db@kv/data/d.b.key'], 'dot'),
  withField('secret_refs', ['db@kv/../sys.key'], '`..`'),
  withField('secret_refs', ['d-b@kv/data/db.key'], 'name'),
  withField('secret_refs', ['@kv/data/db.key'], 'name'),
  withField('secret_refs', ['db@kv/data/db.'], 'key'),
  withField('secret_refs', ['db@kv/da ta/db.key'], 'white space'),
  withField('secret_refs', [''], 'empty'),
  withField('secret_refs', [{ name: 'db' }], 'an object'),
  withField('secret_refs', 'db@kv/data/db.key', 'a text'),
  withField('secret_file_type', 'toml', '"toml"'),
  withField('cont_on_warnings', 'yes', 'a text'),
  withField('tty', 1, 'a number'),
  withField('content', 7, 'a number'),
  withField('content', 'targz,AAAA,AAAA', 'comma'),
  withField('content', 'tarbz,AAAA', '`targz,`'),
  withField('content', 'targz,', 'nothing'),
  withField('content', 'targz,AA_A', 'URL-safe'),
  withField('content', 'targz,AAA', 'multiple of 4'),
  withField('content', 'targz,A=AA', 'one at 7'),
  withField('content', 'AA AA', 'a blank'),
];

function asked(method: string, path: string, names: string): BadInput {
  return { name: '', method, path, status: 400, text: invalidJob, names };
}

const id = '68f3a2015b7e4d0011aa22bd';

export const badPaths: readonly BadInput[] = [
  asked('GET', '/v1/api/job/NOPE', 'Invalid job ID…24 hex digits…"NOPE"'),
  asked('GET', '/v1/api/job/kill', 'Invalid job ID'),
  asked('GET', `/v1/api/job/${id}0`, 'Invalid job ID'),
  asked('GET', `/v1/api/job/${id.slice(1)}`, 'Invalid job ID'),
  asked('GET', '/v1/api/job/%20', 'Invalid job ID'),
  asked('GET', `/v1/api/job/${id}%00`, 'Invalid job ID'),
  asked('GET', '/v1/api/job/%zz', 'Invalid job ID'),
  asked('GET', '/v1/api/job/%ff%fe', 'Invalid job ID'),
  asked('GET', '/v1/api/job/..%2f..%2fetc%2fpasswd', 'Invalid job ID'),
  asked('GET', `/v1/api/job/${'a'.repeat(5000)}`, 'Invalid job ID'),
  asked('DELETE', '/v1/api/job/%F0%9F%92%A3', 'Invalid job ID'),
  asked('DELETE', `/v1/api/job/-${id.slice(1)}`, 'Invalid job ID'),
  asked('POST', '/v1/api/job/kill/0', 'Invalid job ID'),
  asked('POST', `/v1/api/job/kill/${id.slice(1)}g`, 'Invalid job ID'),
  { ...asked('GET', '/v1/api/%zz', 'the path'), text: invalid },
  { ...asked('GET', `/v1/api/job/${id}`, 'not found'), status: 404, text: 'Not Found.' },
  { ...asked('PATCH', `/v1/api/job/${id}`, 'the method…PATCH'), status: 405, text: 'Method Not Allowed.' },
  asked('GET', '/v1/api/job?limit=0', '`limit`…"0"'),
  asked('GET', '/v1/api/job?limit=101', '`limit`…"101"'),
  asked('GET', '/v1/api/job?limit=-1', '`limit`…"-1"'),
  asked('GET', '/v1/api/job?limit=ten', '`limit`…"ten"'),
  asked('GET', '/v1/api/job?limit=1.5', '`limit`…"1.5"'),
  asked('GET', '/v1/api/job?limit=1e1', '`limit`…"1e1"'),
  asked('GET', '/v1/api/job?status=done', '`status`…`notauthorised`…"done"'),
  asked('GET', '/v1/api/job?status=', '`status`…""'),
  asked('GET', '/v1/api/job?status=queued&status=__proto__', '`status`…"__proto__"'),
  asked('GET', '/v1/api/job?qname=%00', '`qname`…control characters'),
  asked('GET', `/v1/api/job?qname=${'q'.repeat(256)}`, '`qname`…256'),
  asked('GET', '/v1/api/job?qname=%zz', 'the query'),
  asked('GET', '/v1/api/job?qname=%ed%a0%80', 'the query'),
  { ...asked('GET', '/v1/api/health?k=bogus', 'Invalid health metric key…`k`…"bogus"'), text: invalid },
  asked('GET', '/v1/api/health?k=%', 'the query'),
];

const noToken = { status: 400, text: invalid, names: 'Missing X-Auth-Token' };
const refusedToken = { status: 403, text: 'Permission Denied.', names: 'token' };

export const badHeaders: readonly BadInput[] = [
  { ...asked('GET', '/v1/api/job', ''), headers: {}, ...noToken, name: 'no token' },
  {
    ...asked('GET', '/v1/api/job/NOPE', ''),
    headers: { 'x-auth-token': '' },
    ...noToken,
    name: 'empty token',
  },
  { ...asked('GET', '/v1/api/job', ''), headers: { authorization: 'Basic eDp5' }, ...noToken, name: 'Basic' },
  {
    ...asked('GET', '/v1/api/job', ''),
    headers: { authorization: 'Bearer' },
    ...noToken,
    name: 'Bearer alone',
  },
  {
    ...asked('GET', '/v1/api/job', ''),
    headers: { 'x-auth-token': 's.gone' },
    ...refusedToken,
    name: 'revoked',
  },
  {
    ...asked('GET', '/v1/api/job', ''),
    headers: { 'x-vault-token': 'a, b' },
    ...refusedToken,
    name: 'two tokens',
  },
  {
    ...posted('a length over the limit', '{}', 'the body…1048576 bytes'),
    headers: { 'x-auth-token': 's.token1', 'content-length': '99999999999' },
    status: 413,
  },
];
