import { describe, expect, test } from 'vitest';
import type { SpecFields } from '../../src/job/job.js';
import { contentText, joinSecretRefs, type Layers, layer, withImageSecretRefs } from '../../src/job/layer.js';

const layersOf = (given: Partial<Layers>): Layers => ({
  inline: {},
  payload: {},
  contentMetadata: {},
  ...given,
});
const image = { image: 'busybox' };

const full: SpecFields = {
  image: 'a',
  pullPolicy: 'Never',
  entrypoint: ['e'],
  command: ['c'],
  workingDirectory: '/w',
  env: ['A=1'],
  secretFileType: 'json',
};
const other: SpecFields = {
  image: 'b',
  pullPolicy: 'Always',
  entrypoint: ['E', 'F'],
  command: ['C'],
  workingDirectory: '/W',
  env: ['B=1'],
  secretFileType: 'yaml',
};

test('takes what a job asks of its container from the request alone', () => {
  const mine = { network: 'none' };
  const layers = layersOf({ inline: { ...image, options: mine }, payload: { options: { network: 'host' } } });

  expect(layer(layers, undefined).options).toEqual(mine);
});

describe('layer', () => {
  test('fills in what no layer gives', () => {
    expect(layer(layersOf({ inline: image }), undefined)).toEqual({
      image: 'busybox',
      pullPolicy: 'IfNotPresent',
      entrypoint: [],
      command: [],
      workingDirectory: undefined,
      env: [],
      tty: false,
      content: undefined,
      secretRefs: [],
      secretFileType: 'yaml',
      init: undefined,
      continueOnWarnings: false,
      registryRef: undefined,
      options: {},
    });
  });

  test('the payload outweighs the request, whole field by whole field', () => {
    expect(layer(layersOf({ inline: full, payload: other }), undefined)).toMatchObject(other);
    expect(layer(layersOf({ inline: full, payload: {} }), undefined)).toMatchObject(full);
  });

  test('an empty text or list counts as not given', () => {
    const empty = { image: '', entrypoint: [], command: [], workingDirectory: '', env: [] };

    expect(layer(layersOf({ inline: full, payload: empty }), undefined)).toMatchObject(full);
  });

  test.each(['tty', 'continueOnWarnings'] as const)('%s is on when any layer sets it', (field) => {
    const inline = { ...image, [field]: true };

    expect(layer(layersOf({ inline, payload: { [field]: false } }), undefined)[field]).toBe(true);
    expect(layer(layersOf({ inline: image, payload: { [field]: true } }), undefined)[field]).toBe(true);
    expect(layer(layersOf({ inline: image }), undefined)[field]).toBe(false);
  });

  test('the payload decides about an init process before the request, also with a no', () => {
    const inline = { ...image, init: true };

    expect(layer(layersOf({ inline, payload: { init: false } }), undefined).init).toBe(false);
    expect(layer(layersOf({ inline }), undefined).init).toBe(true);
  });

  test('of the metadata only the image and the references count', () => {
    const contentMetadata = { image: 'm', secretRefs: ['A@b.c'], command: ['rm'], env: ['X=1'], tty: true };

    expect(layer(layersOf({ contentMetadata }), undefined)).toMatchObject({
      image: 'm',
      secretRefs: ['A@b.c'],
      command: [],
      env: [],
      tty: false,
    });
    expect(layer(layersOf({ contentMetadata, inline: image }), undefined).image).toBe('busybox');
  });

  test('refuses a job without an image', () => {
    expect(() => layer(layersOf({ inline: { image: '' } }), undefined)).toThrow(
      expect.objectContaining({ reason: 'payload_refused', code: 'image_missing_in_spec' }),
    );
  });

  test('takes over the content as it was decoded', () => {
    const content = Buffer.from('x');

    expect(layer(layersOf({ inline: image }), content).content).toBe(content);
  });
});

test('the content of the payload counts, else that of the request', () => {
  expect(contentText({ inline: { content: 'a' }, payload: { content: 'b' } })).toBe('b');
  expect(contentText({ inline: { content: 'a' }, payload: { content: '' } })).toBe('a');
  expect(contentText({ inline: {}, payload: {} })).toBeUndefined();
});

describe('secret references of several sources', () => {
  test('stand in rising order of weight; a later one replaces an earlier for the same variable', () => {
    expect(
      joinSecretRefs({
        payload: ['A@p.k'],
        content: ['A@c.k', 'B@c.k'],
        image: ['B@i.k', 'C@i.k'],
        inline: ['C@r.k', 'D@r.k'],
      }),
    ).toEqual(['D@r.k', 'C@i.k', 'B@c.k', 'A@p.k']);
  });

  test('within one source the last one counts', () => {
    expect(joinSecretRefs({ payload: ['A@a.k', 'B@b.k', 'A@c.k'] })).toEqual(['B@b.k', 'A@c.k']);
  });

  test('what is no reference is kept, to be refused later', () => {
    expect(joinSecretRefs({ inline: ['nonsense', 'A@b.c'] })).toEqual(['nonsense', 'A@b.c']);
  });

  test('those of the image come in once they are known', () => {
    const layers = layersOf({
      inline: { secretRefs: ['A@r.k'] },
      contentMetadata: { secretRefs: ['B@c.k'] },
    });

    expect(withImageSecretRefs(layers, { secretRefs: ['A@i.k', 'B@i.k'] })).toEqual(['A@i.k', 'B@c.k']);
  });
});
