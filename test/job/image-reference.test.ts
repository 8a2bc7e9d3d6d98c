import { describe, expect, test } from 'vitest';
import {
  digestOf,
  findImageProblem,
  parseImageReference,
  withDefaultTag,
} from '../../src/job/image-reference.js';

const hex = '0123456789abcdef'.repeat(4);
const digest = `sha256:${hex}`;

const references = [
  ['busybox', { repository: 'busybox' }],
  ['busybox:1.36', { repository: 'busybox', tag: '1.36' }],
  ['library/alpine', { repository: 'library/alpine' }],
  ['localhost/app', { registry: 'localhost', repository: 'app' }],
  ['host:5000/app', { registry: 'host:5000', repository: 'app' }],
  ['host:5000/team/app:v2', { registry: 'host:5000', repository: 'team/app', tag: 'v2' }],
  ['ghcr.example/a/b_c__d--e', { registry: 'ghcr.example', repository: 'a/b_c__d--e' }],
  ['[::1]:5000/app', { registry: '[::1]:5000', repository: 'app' }],
  ['HOST/app', { registry: 'HOST', repository: 'app' }],
  [`app@${digest}`, { repository: 'app', digest }],
  [`h.example/app:1@${digest}`, { registry: 'h.example', repository: 'app', tag: '1', digest }],
] as const;

const noReferences = [
  ['', 'that names a repository'],
  [':tag', 'that names a repository'],
  ['host.example/', 'that names a repository'],
  ['App', 'in lower case'],
  ['a//b', 'made of lower-case letters'],
  ['/a', 'made of lower-case letters'],
  ['a/', 'made of lower-case letters'],
  ['a..b', 'made of lower-case letters'],
  ['-a', 'made of lower-case letters'],
  ['a b', 'made of lower-case letters'],
  ['../etc', 'whose registry is'],
  ['a:', 'whose tag is'],
  [`a:${'x'.repeat(129)}`, 'whose tag is'],
  ['a:-x', 'whose tag is'],
  ['a:b:c', 'whose tag is'],
  ['a@', 'whose digest is'],
  ['a@sha256:abc', 'whose digest is'],
  [`a@sha256:${hex.toUpperCase()}`, 'whose digest is'],
  [`a@${digest}@${digest}`, 'whose digest is'],
  ['host:x/app', 'whose registry is'],
  ['ho_st.example/app', 'whose registry is'],
  [`${'a'.repeat(256)}:1`, 'at most 255 characters'],
  ['http://host/app', 'whose registry is'],
] as const;

describe('an image reference', () => {
  test.each(references)('%s is taken apart', (text, parts) => {
    expect(parseImageReference(text)).toEqual({
      registry: undefined,
      tag: undefined,
      digest: undefined,
      ...parts,
    });
  });

  test.each(noReferences)('%j is refused', (text, expected) => {
    expect(findImageProblem(text)).toContain(expected);
    expect(parseImageReference(text)).toBeUndefined();
  });

  test('a tag and a digest do not count for the length of the name', () => {
    expect(findImageProblem(`${'a'.repeat(255)}:${'1'.repeat(128)}@${digest}`)).toBeUndefined();
  });

  test('a text made to slow the patterns down is answered at once', () => {
    const began = performance.now();

    findImageProblem(`${'a-'.repeat(100_000)}!/x`);
    findImageProblem(`${'a.'.repeat(100)}!`);

    expect(performance.now() - began).toBeLessThan(1000);
  });

  test.each([
    ['busybox', 'busybox:latest'],
    ['host:5000/app', 'host:5000/app:latest'],
    ['busybox:1', 'busybox:1'],
    [`busybox@${digest}`, `busybox@${digest}`],
  ])('%s has the tag of %s', (text, tagged) => {
    expect(withDefaultTag(text)).toBe(tagged);
  });
});

describe('the digest of an image under the name that was asked for', () => {
  const other = `sha256:${'f'.repeat(64)}`;
  const known = [`mirror.example.org/busybox@${other}`, `busybox@${digest}`];

  test.each([
    ['busybox', digest],
    ['busybox:1.36', digest],
    ['docker.io/library/busybox', digest],
    ['index.docker.io/library/busybox', digest],
    ['mirror.example.org/busybox', other],
    ['team/busybox', undefined],
    [`busybox@${other}`, other],
    ['Not A Name', undefined],
  ])('%s', (name, expected) => {
    expect(digestOf(name, known)).toBe(expected);
  });

  test('is none where no registry has it', () => {
    expect(digestOf('busybox', [])).toBeUndefined();
  });
});
