import { expect, test } from 'vitest';
import { readMessage } from '../../../../src/api/gaffer/channel/message.js';
import { nameOf } from '../../../../src/api/gaffer/channel/names.js';
import { parseTopic } from '../../../../src/api/gaffer/channel/topics.js';

test.each([
  ['', 'invalid_json'],
  ['{"event"', 'invalid_json'],
  ['{}', 'event_missing'],
  ['[]', 'event_missing'],
  ['7', 'event_missing'],
  ['{"event":"SUB"}', 'data_missing'],
  ['{"event":"SUB","data":7}', 'data_missing'],
  ['{"event":"SUB","data":{}}', 'topic_missing'],
  ['{"event":"UNSUB","data":{}}', 'topic_missing'],
  ['{"event":"DANCE","data":{}}', 'unknown_cmd'],
  ['{"event":"CMD","data":{"identity":"i"}}', 'cmd_name_mssing'],
  ['{"event":"CMD","data":{"name":"jobs"}}', 'cmd_identity_missing'],
  [`{"event":"CMD","data":${'['.repeat(100)}${']'.repeat(100)}}`, 'invalid_json'],
])('%s is told to be wrong in the words of the original', async (text, reason) => {
  expect(await readMessage(text)).toEqual({ event: 'invalid', reason });
});

test('what is right is read', async () => {
  expect(await readMessage('{"event":"NOP"}')).toEqual({ event: 'NOP' });
  expect(await readMessage('{"event":"SUB","data":{"topic":"EVENTS"}}')).toEqual({
    event: 'SUB',
    topic: 'EVENTS',
  });
  expect(await readMessage('{"event":"CMD","data":{"identity":1,"name":"jobs"}}')).toEqual({
    event: 'CMD',
    id: 1,
    name: 'jobs',
    args: [],
    kwargs: {},
  });
});

test.each([
  ['{"toString":1}', '{"toString":1}'],
  ['["EVENTS"]', '["EVENTS"]'],
  ['7', '7'],
  ['null', 'null'],
])('what is no text where one belongs, %s, is the name of nothing', async (json, text) => {
  expect(await readMessage(`{"event":"SUB","data":{"topic":${json}}}`)).toEqual({
    event: 'SUB',
    topic: text,
  });
  expect(await readMessage(`{"event":"CMD","data":{"identity":1,"name":${json}}}`)).toMatchObject({
    name: text,
  });
  expect(parseTopic(text)).toBeUndefined();
});

test.each([
  ['EVENTS', { of: 'events' }],
  ['events', { of: 'events' }],
  ['JOB:shop.Web', { of: 'job', name: 'shop.Web' }],
  ['PROCESS:7', { of: 'process', pid: '7' }],
  ['STATS:7', { of: 'process_stats', pid: '7' }],
  ['STATS:shop.web', { of: 'job_stats', name: 'shop.web' }],
  ['STREAM:7', { of: 'stream', pid: '7', label: undefined }],
  ['STREAM:7.out.1', { of: 'stream', pid: '7', label: 'out.1' }],
])('the topic %s is one', (text, topic) => {
  expect(parseTopic(text)).toEqual(topic);
});

test.each([
  '',
  'JOB',
  'JOB:',
  'PROCESS:web',
  'PROCESS:007',
  'STATS:',
  'STREAM:web',
  'STREAM:',
  'NEWS',
  `JOB:${'x'.repeat(700)}`,
  7,
  null,
])('the topic %j is none', (text) => {
  expect(parseTopic(text)).toBeUndefined();
});

test('a name without a session is of the usual one', () => {
  expect(nameOf('web')).toEqual({ session: 'default', label: 'web' });
  expect(nameOf('shop.web.1')).toEqual({ session: 'shop', label: 'web.1' });
});
