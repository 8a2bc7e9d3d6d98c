import { expect, test } from 'vitest';
import { charsetOf, chooseFormat, formatOfBody } from '../../../src/api/jobproxy/accept.js';

test.each([
  [undefined, 'json'],
  ['', 'json'],
  ['*/*', 'json'],
  ['application/*', 'json'],
  ['application/json', 'json'],
  ['application/xml', 'xml'],
  ['APPLICATION/XML;q=0.5', 'xml'],
  ['application/xml, application/json', 'xml'],
  ['application/json, application/xml', 'json'],
  ['application/json;q=0.8, application/xml;q=0.9', 'xml'],
  ['application/xml;q=0.5, */*', 'json'],
  ['*/*;q=0.1, application/xml', 'xml'],
  ['application/json;q=0', undefined],
  ['application/json;q=0, */*', 'xml'],
  ['application/xml;q=0, application/json;q=0.0', undefined],
  ['text/html', undefined],
  ['text/html, application/xml;q=0.2', 'xml'],
  ['application/json;charset=utf-8', 'json'],
  ['application/json;q=best', undefined],
  ['text/xml', undefined],
] as const)('Accept: %s', (accept, format) => {
  expect(chooseFormat(accept)).toBe(format);
});

test.each([
  ['application/json', 'json'],
  ['Application/JSON; charset=utf-8', 'json'],
  ['application/vnd.task+json', 'json'],
  ['application/xml', 'xml'],
  ['text/xml; charset="iso-8859-1"', 'xml'],
  ['application/task+xml', 'xml'],
  ['text/csv', undefined],
  ['text/plain', undefined],
  ['application/x-www-form-urlencoded', undefined],
  ['json', undefined],
] as const)('Content-Type: %s', (type, format) => {
  expect(formatOfBody(type, Buffer.from('<task/>'))).toBe(format);
});

test.each([
  ['{}', 'json'],
  ['', 'json'],
  [' \n<task/>', 'xml'],
  ['\ufeff<task/>', 'xml'],
] as const)('without a content type, the first character tells: %j', (body, format) => {
  expect(formatOfBody(undefined, Buffer.from(body))).toBe(format);
});

test('the charset of a content type', () => {
  expect(charsetOf('text/xml; charset="ISO-8859-1"')).toBe('iso-8859-1');
  expect(charsetOf('text/xml; a=b;charset=utf-8')).toBe('utf-8');
  expect(charsetOf('text/xml')).toBeUndefined();
  expect(charsetOf(undefined)).toBeUndefined();
});
