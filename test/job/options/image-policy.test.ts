import { array, assert, integer, property, stringMatching, tuple } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findForbiddenImage, isImagePattern, usualImages } from '../../../src/job/options/image-policy.js';

const hex = 'a'.repeat(64);

function isAllowed(image: string, ...allowed: string[]): boolean {
  return findForbiddenImage(image, { allowed, digestsOnly: false, own: [] }, 'image').length === 0;
}

describe('what is allowed where the operator sets nothing', () => {
  test.each([
    'busybox',
    'busybox:1.36',
    'library/busybox',
    'team/tool@sha256:'.concat(hex),
    'docker.io/library/busybox',
    'ghcr.io/team/tool:1',
    'registry.example.org:5000/team/tool',
    'Registry.Example.ORG/team/tool',
    'registry.xn--p1ai/tool',
  ])('%s', (image) => {
    expect(findForbiddenImage(image, usualImages, 'image')).toEqual([]);
  });
});

describe('what is not, because the engine may find it in its own network', () => {
  test.each([
    'localhost/tool',
    'localhost:5000/tool',
    'registry:5000/tool',
    'REGISTRY/tool',
    '127.0.0.1/tool',
    '127.0.0.1:5000/tool',
    '127.1:5000/tool',
    '0.0.0.0:2375/tool',
    '2130706433:5000/tool',
    '0x7f000001:5000/tool',
    '0x7f.1/tool',
    '017700000001:80/tool',
    '10.0.0.7/tool',
    '169.254.169.254/latest/meta-data',
    '203.0.113.9:5000/tool',
    '[::1]:5000/tool',
    '[fe80::1]/tool',
    'metadata.google.internal/tool',
    'host.docker.internal:5000/tool',
    'vault.service.consul:8200/tool',
    'kubernetes.default.svc.cluster.local/tool',
    'nas.home.arpa/tool',
    'printer.LAN/tool',
    'x.localhost/tool',
  ])('%s', (image) => {
    expect(findForbiddenImage(image, usualImages, 'container_image')).toEqual([
      `Not allowed by the operator: \`container_image\` asks for the image "${image}", whose registry has no public name (STINT_ALLOW_IMAGES).`,
    ]);
  });

  test.each([`sha256:${hex}`, `sha256:${hex.slice(0, 12)}`, 'sha256', `sha256@sha256:${hex}`, hex])(
    'an image of the engine by its id: %s',
    (image) => {
      expect(findForbiddenImage(image, usualImages, 'image')).toEqual([
        'Not allowed by the operator: `image` asks for an image by its id (STINT_ALLOW_IMAGES).',
      ]);
    },
  );
});

describe('patterns of the operator', () => {
  test('name registries and repositories as the engine completes them', () => {
    expect(isAllowed('busybox:1', 'docker.io/library/*')).toBe(true);
    expect(isAllowed('index.docker.io/busybox', 'docker.io/library/*')).toBe(true);
    expect(isAllowed('team/busybox', 'docker.io/library/*')).toBe(false);
    expect(isAllowed('team/busybox', 'docker.io/team/**')).toBe(true);
    expect(isAllowed('ghcr.io/library/busybox', 'docker.io/library/*')).toBe(false);
  });

  test('`*` stays within one part of the name, and `**` takes all that follows', () => {
    expect(isAllowed('r.example.org/a/b', 'r.example.org/*')).toBe(false);
    expect(isAllowed('r.example.org/a/b', 'r.example.org/**')).toBe(true);
    expect(isAllowed('eu.r.example.org/a', '*.r.example.org/**')).toBe(true);
    expect(isAllowed('evil.org/x.r.example.org/a', '*.r.example.org/**')).toBe(false);
    expect(isAllowed('evil.org:80/r.example.org/a', '*/r.example.org/a')).toBe(false);
    expect(isAllowed('rxexample.org/a', 'r.example.org/*')).toBe(false);
  });

  test('a port is part of a registry', () => {
    expect(isAllowed('127.0.0.1:5000/tool', '127.0.0.1:5000/**')).toBe(true);
    expect(isAllowed('127.0.0.1:2375/tool', '127.0.0.1:5000/**')).toBe(false);
    expect(isAllowed('127.0.0.1:5000/tool', '127.0.0.1/**')).toBe(false);
    expect(isAllowed('[::1]:5000/tool', '[::1]:5000/**')).toBe(true);
  });

  test('`**` alone allows every name, and ids only `ids` allows', () => {
    expect(isAllowed('127.0.0.1:5000/tool', '**')).toBe(true);
    expect(isAllowed(`sha256:${hex}`, '**', 'public', 'docker.io/**')).toBe(false);
    expect(isAllowed(`sha256:${hex}`, 'ids')).toBe(true);
    expect(isAllowed('busybox', 'ids')).toBe(false);
  });

  test('the image that a setting names is allowed as it is written there, and no other', () => {
    const policy = { allowed: ['ghcr.io/team/*'], digestsOnly: false, own: ['localhost:5000/tasks:1'] };

    expect(findForbiddenImage('localhost:5000/tasks:1', policy, 'image')).toEqual([]);
    expect(findForbiddenImage('localhost:5000/tasks:2', policy, 'image')).toHaveLength(1);
    expect(findForbiddenImage('busybox', policy, 'image')).toEqual([
      'Not allowed by the operator: `image` asks for the image "busybox" (STINT_ALLOW_IMAGES).',
    ]);
  });

  test('of a registry allow no image of another, whatever it is called', () => {
    const part = stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,8}){0,2}$/);
    const name = stringMatching(/^[a-z0-9]{1,8}(?:[.-][a-z0-9]{1,8}){0,2}$/);
    const port = integer({ min: 1, max: 65_535 });
    const registry = tuple(name, port).map((parts) => parts.join(':'));
    const image = tuple(registry, array(part, { minLength: 1, maxLength: 4 }));

    assert(
      property(image, registry, ([from, path], only) => {
        expect(isAllowed([from, ...path].join('/'), `${only}/**`)).toBe(from === only);
      }),
    );
  });
});

describe('where the operator wants digests', () => {
  const policy = { allowed: ['public', 'ids'], digestsOnly: true, own: ['tasks:1'] };

  test.each(['busybox', 'busybox:1', 'ghcr.io/team/tool:1'])('%s is refused', (image) => {
    expect(findForbiddenImage(image, policy, 'image')).toEqual([
      'Not allowed by the operator: `image` asks for an image without its digest, as in `name@sha256:…` (STINT_IMAGE_DIGESTS_ONLY).',
    ]);
  });

  test.each([`busybox@sha256:${hex}`, `busybox:1@sha256:${hex}`, `sha256:${hex}`, 'tasks:1'])(
    '%s is allowed',
    (image) => {
      expect(findForbiddenImage(image, policy, 'image')).toEqual([]);
    },
  );
});

test('a pattern is a registry and a repository, with stars', () => {
  const good = [
    'public',
    'ids',
    '**',
    'docker.io/**',
    'docker.io/library/*',
    '*.example.org/a-b/*',
    'localhost:5000/x',
  ];
  const bad = [
    '',
    '*',
    'team/tool',
    'busybox',
    'docker.io',
    'docker.io/',
    '**/x',
    'a.org/**/x',
    'a.org/x**',
    'a.org/X',
    'a.org/x:1',
    'a.org/x y',
  ];

  expect(good.filter((each) => !isImagePattern(each))).toEqual([]);
  expect(bad.filter(isImagePattern)).toEqual([]);
});
