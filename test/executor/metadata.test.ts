import { describe, expect, test } from 'vitest';
import { readContentMetadata, readImageSecretRefs } from '../../src/executor/metadata.js';
import { JobFailedError } from '../../src/job/errors.js';

describe('`gostint.yml` of a content', () => {
  test.each([
    [undefined, {}],
    ['', {}],
    ['---\n', {}],
    ['# nothing\n', {}],
    ['container_image: busybox\n', { image: 'busybox' }],
    ['container_image: ""\nsecret_refs: []\n', {}],
    ['container_image: null\nsecret_refs:\n', {}],
    ['secret_refs:\n- A@b.c\n- D@e.f\n', { secretRefs: ['A@b.c', 'D@e.f'] }],
    ['run: [rm]\nentrypoint: x\nenv: {A: 1}\n', {}],
    ['{"container_image": "a"}', { image: 'a' }],
    ['__proto__: {container_image: evil}\n', {}],
    ['a: &a [X@y.z]\nsecret_refs: *a\n', { secretRefs: ['X@y.z'] }],
  ])('%j gives %j', (text, fields) => {
    expect(readContentMetadata(text)).toEqual(fields);
  });

  test.each([
    ['- a\n', 'to be a map of keys and values, got a list'],
    ['just text', 'got a text'],
    ['12', 'got a number'],
    [
      'container_image: 12\n',
      '`container_image` in `gostint.yml` of the content to be an image name, got a number',
    ],
    ['container_image: [a]\n', 'got a list'],
    ['secret_refs: A@b.c\n', 'to be a list of `NAME@PATH.KEY` entries, got a text'],
    ['secret_refs: {A: b}\n', 'got a map'],
    ['secret_refs: [A@b.c, 12]\n', 'got a number as entry 2'],
    ['a: 1\n\tb: 2\n', 'line 2'],
    ['a: 1\na: 2\n', 'line 2, column 1 names a key for the second time'],
    ['a: 1\n---\nb: 2\n', 'starts a second document'],
    ['a: "1\n', 'lacks a closing quote, bracket or colon'],
    ['a: [1\n', 'line 2, column 1 is indented wrongly, or a bracket is not closed before it'],
    ['a: *gone\n', 'Could not read `gostint.yml` of the content'],
    ['x'.repeat(65_537), 'to be at most 65536 bytes long, got 65537 bytes'],
    ['['.repeat(2_000), 'Could not read `gostint.yml`'],
  ])('%j is refused', (text, expected) => {
    const refused = () => readContentMetadata(text);

    expect(refused).toThrow(JobFailedError);
    expect(refused).toThrow(expect.objectContaining({ reason: 'content_refused', code: 'metadata_invalid' }));
    expect(refused).toThrow(expected);
  });

  test('a text whose aliases multiply is refused in no time', () => {
    const levels = Array.from({ length: 12 }, (_, level) => {
      const list = Array.from({ length: 10 }, () => (level === 0 ? 'x' : `*l${level - 1}`)).join(', ');
      return `l${level}: &l${level} [${list}]`;
    });
    const began = performance.now();

    expect(() => readContentMetadata(levels.join('\n'))).toThrow('its aliases or its nesting go too far');
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('the text is never quoted: it is untrusted', () => {
    const text = 'a: "hunter2\n';

    expect(() => readContentMetadata(text)).toThrow(JobFailedError);
    expect(() => readContentMetadata(text)).not.toThrow('hunter2');
  });
});

describe('`/gostint_image.yml` of an image', () => {
  test.each([
    [undefined, []],
    ['container_image: ignored\n', []],
    ['secret_refs: [A@b.c]\n', ['A@b.c']],
  ])('%j gives %j', (text, references) => {
    expect(readImageSecretRefs(text)).toEqual(references);
  });

  test('is refused under its own name', () => {
    expect(() => readImageSecretRefs('- a')).toThrow(
      expect.objectContaining({
        reason: 'payload_refused',
        code: 'image_metadata_invalid',
        message: expect.stringContaining('`/gostint_image.yml` of the image'),
      }),
    );
  });
});

test.each([
  ['- a\n'.repeat(16_000), 'to hold at most 2048 lines and entries, got more'],
  [`secret_refs: [${'a,'.repeat(30_000)}a]`, 'to hold at most 2048 lines and entries, got more'],
  ['a: '.repeat(20_000), 'to hold at most 2048 lines and entries, got more'],
  ['#\n'.repeat(32_000), 'to hold at most 2048 lines and entries, got more'],
  ['['.repeat(60_000), 'to hold at most 2048 lines and entries, got more'],
])('%j is refused before it is parsed', (text, expected) => {
  expect(() => readContentMetadata(text)).toThrow(expected);
  expect(() => readImageSecretRefs(text)).toThrow(expected);
});
