import { expect, test } from 'vitest';
import { decodeFrame, encodeFrame } from '../../../../src/api/gaffer/channel/frame.js';

const bytes = (text: string) => Buffer.from(text, 'latin1');

test('a frame has a type, an id and a body, which may be anything', () => {
  expect(decodeFrame(bytes('V1 message abc\0some\0body'))).toEqual({
    type: 'message',
    id: 'abc',
    body: bytes('some\0body'),
  });
  expect(decodeFrame(bytes('V1 message abc\0'))).toMatchObject({ body: bytes('') });
});

test.each([
  '',
  'hello',
  'V1 message abc',
  'V2 message abc\0x',
  'V1 message\0x',
  `V1 message ${'a'.repeat(129)}\0x`,
  '\0',
])('what is no frame, such as %j, is none', (text) => {
  expect(decodeFrame(bytes(text))).toBeUndefined();
});

test('what is text goes as text, and what is not as bytes', () => {
  expect(encodeFrame('response', Buffer.from('OK'), 'abc')).toBe('V1 response abc\0OK');
  expect(encodeFrame('message', Buffer.from([0xff]), 'abc')).toEqual(bytes('V1 message abc\0\xff'));
});

test('what is printed has an id of its own', () => {
  const ids = [1, 2].map(() => decodeFrame(Buffer.from(encodeFrame('message', bytes('x'))))?.id);

  expect(new Set(ids).size).toBe(2);
});
