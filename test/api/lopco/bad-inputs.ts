import { newJob } from './lopco-app.js';
import { stageOf } from './pipeline/documents.js';

/** A body that must be refused, and what the log has to say of it, in this order with `…` between. */
export interface BadInput {
  readonly name: string;
  readonly body: string | Uint8Array | object;
  readonly status: number;
  readonly reason: string;
}

function job(changes: object, reason: string, status = 400): BadInput {
  return { name: JSON.stringify(changes).slice(0, 50), body: { ...newJob, ...changes }, status, reason };
}

function raw(name: string, body: BadInput['body'], reason: string, status = 400): BadInput {
  return { name, body, status, reason };
}

export const badBodies: readonly BadInput[] = [
  raw('no body', '', 'the body…nothing'),
  raw('a form', 'hash=x', 'the body…JSON…at character 1'),
  raw('a list', [], 'the body…JSON object…a list'),
  raw('an open object', '{"hash":"x"', 'the body…too early'),
  raw('a field twice', '{"hash":"x","hash":"y"}', 'the body…"hash" twice'),
  raw('bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'UTF-8'),
  raw('a deep nesting', `{"a":${'['.repeat(100)}${']'.repeat(100)}}`, '64 levels'),
  raw('a large body', ' '.repeat(300_000), '131072 bytes', 413),
];

export const badJobs: readonly BadInput[] = [
  raw('an empty object', {}, 'hash is required, got nothing. file_name is required…machine_id is required'),
  raw('only a hash', { hash: 'x' }, 'file_name is required…machine_id is required'),
  job({ machine_id: undefined }, 'machine_id is required, got nothing'),
  job({ machine_id: '' }, 'machine_id is required, got a text'),
  job({ machine_id: null }, 'machine_id is required'),
  job({ machine_id: 7 }, 'machine_id must be a text, got a number'),
  job({ machine_id: ['a'] }, 'machine_id must be a text, got a list'),
  job({ machine_id: 'a\0b' }, 'machine_id must be at most 255 characters without NUL'),
  job({ machine_id: '\ud800' }, 'machine_id must be a text, got half of a surrogate pair'),
  job({ machine_id: 'x'.repeat(256) }, 'machine_id must be at most 255 characters'),
  job({ ds_id: 'press-08' }, 'ds_id must be the same as machine_id, got "press-08" and "press-07"'),
  job({ ds_id: 7 }, 'ds_id must be a text'),
  job({ hash: 12 }, 'hash must be a text, got a number'),
  job({ hash: { a: 1 } }, 'hash must be a text, got an object'),
  job({ hash: 'x'.repeat(256) }, 'hash must be at most 255 characters'),
  job({ file_name: false }, 'file_name must be a text, got `false`'),
  job({ file_name: 'a/b' }, 'file_name must be the name of a file without a directory, got "a/b"'),
  job({ file_name: '/etc/hosts' }, 'file_name must be the name of a file'),
  job({ file_name: '..' }, 'file_name must be the name of a file'),
  job({ file_name: 'a\0' }, 'file_name must be at most 255 characters without NUL'),
  job({ wrap_secret_id: 'canary canary' }, 'wrap_secret_id must be a token'),
  job({ wrap_secret_id: ['canary'] }, 'wrap_secret_id must be a text, got a list'),
  job({ secret_refs: ['A@kv/data/x.a'] }, 'secret_refs needs wrap_secret_id'),
  job({ secret_refs: ['nothing'], wrap_secret_id: 's.canary' }, '`secret_refs`…NAME@PATH.KEY'),
  job({ secret_refs: 'A@kv/data/x.a' }, 'secret_refs must be a list, got a text'),
  job({ secret_file_type: 'toml' }, 'secret_file_type must be one of yaml, json, got "toml"'),
  job({ cont_on_warnings: 'yes' }, 'cont_on_warnings must be `true` or `false`, got a text'),
];

export const badPipelines: readonly BadInput[] = [
  raw('no stages', { name: 'x' }, 'stages must be a list, got nothing'),
  raw('no image', { stages: [{ id: '01', worker: {} }] }, 'worker.image of stage "1"'),
  raw('a later stage', { stages: [stageOf('01', { a: '1:b' })] }, 'names no earlier stage'),
  raw(
    'a secret that is a list',
    { stages: [stageOf('01', {}, { worker: { configs: { A: ['canary'] } } })] },
    '"A"',
  ),
];
