import { describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { EngineError } from '../../../src/docker/engine/errors.js';
import { Images } from '../../../src/docker/image/images.js';
import { newPrivateImages, type PrivateImages } from '../../../src/docker/image/private-images.js';
import type { RegistryLogin } from '../../../src/executor/backend.js';
import { Secret } from '../../../src/job/secret.js';
import { fakeEngine, foundImage } from '../../support/fake-engine.js';

const digest = `sha256:${'d'.repeat(64)}`;
const name = 'registry.example/team/tool';
const byDigest = `${name}@${digest}`;
const login: RegistryLogin = {
  registry: 'registry.example',
  username: 'ada',
  password: new Secret('p'),
  identityToken: undefined,
};

/** A registry that gives its image to these only, and an engine that takes what it has without asking, as Docker does. */
function stock(admitted: 'ada' | 'everybody', privateImages: PrivateImages = newPrivateImages()) {
  const there = new Map<string, ReturnType<typeof foundImage>>();
  const asked: string[] = [];
  const refuse = (call: 'pull' | 'resolve', who: string | undefined) => {
    if (admitted === 'ada' && who !== 'ada') throw new EngineError(call, 'image_denied', 'denied');
  };
  const found = foundImage('sha256:id', {}, { digests: [byDigest] });
  const engine = fakeEngine({
    findImage: async (reference) => there.get(reference),
    resolve: async (reference, _, { username } = { ...login, username: undefined }) => {
      asked.push(`resolve ${reference} ${username}`);
      refuse('resolve', username);
      return digest;
    },
    pull: async function* (reference, _, { username } = { ...login, username: undefined }) {
      asked.push(`pull ${reference} ${username}`);
      if (!there.has(reference)) refuse('pull', username);
      yield { status: 'Pulled', mark: '1', error: undefined };
      there.set(reference, found).set('sha256:id', found);
    } satisfies Engine['pull'],
  });
  const images = new Images(engine, { limits: { totalMs: 5_000, stallMs: 5_000 }, privateImages });
  const ensure = (
    image: string,
    given?: RegistryLogin,
    policy: 'Always' | 'IfNotPresent' | 'Never' = 'IfNotPresent',
  ) => images.ensure(image, policy, { signal: new AbortController().signal, login: given });
  return { ensure, asked, there };
}

const denied = { reason: 'image_unavailable', code: 'image_access_denied' };
const stranger: RegistryLogin = { ...login, username: 'eve' };

describe('an image that a login brought', () => {
  test.each(['Always', 'IfNotPresent'] as const)(
    'is pulled by its digest with that login, with %s',
    async (policy) => {
      const { ensure, asked } = stock('ada');

      expect((await ensure(`${name}:1`, login, policy)).id).toBe('sha256:id');
      expect(asked).toEqual([
        `resolve ${name}:1 ada`,
        `resolve ${byDigest} undefined`,
        `pull ${byDigest} ada`,
      ]);
    },
  );

  test('is asked for once more, and not pulled again, by whoever may have it', async () => {
    const { ensure, asked } = stock('ada');
    await ensure(`${name}:1`, login);
    asked.length = 0;

    await ensure(`${name}:1`, login);
    await ensure(`${name}:1`, login, 'Never');

    expect(asked).toEqual([`resolve ${name}:1 ada`, `resolve ${name}:1 ada`]);
  });

  test.each([
    ['its digest', byDigest],
    ['its tag and digest', `${name}:1@${digest}`],
    ['its digest, in other letters', `Registry.Example/team/tool@${digest}`],
    ['its tag', `${name}:1`],
    ['its id', 'sha256:id'],
  ])('runs for nobody without a login who names it by %s', async (_, image) => {
    const { ensure, there } = stock('ada');
    await ensure(`${name}:1`, login);
    there.set(image, foundImage('sha256:id', {}, { digests: [byDigest] }));
    if (image === `${name}:1`) there.delete(image); // No pull of ours gave it this name.

    for (const policy of ['IfNotPresent', 'Always'] as const)
      await expect(ensure(image, undefined, policy)).rejects.toMatchObject(denied);
    await expect(ensure(image, undefined, 'Never')).rejects.toMatchObject({ reason: 'image_unavailable' });
  });

  test.each(['IfNotPresent', 'Always', 'Never'] as const)(
    'runs for nobody whose login its registry does not accept, with %s',
    async (policy) => {
      const { ensure, asked } = stock('ada');
      await ensure(`${name}:1`, login);

      await expect(ensure(`${name}:1`, stranger, policy)).rejects.toMatchObject(denied);
      await expect(ensure(byDigest, stranger, policy)).rejects.toMatchObject(denied);
      expect(asked.filter((each) => each.startsWith('pull'))).toHaveLength(1);
    },
  );
});

describe('a pull with a login', () => {
  test('closes nothing for others where its registry gives the image to everybody', async () => {
    const { ensure, asked } = stock('everybody');
    await ensure(`${name}:1`, login);
    asked.length = 0;

    expect((await ensure(byDigest)).id).toBe('sha256:id');
    expect(asked).toEqual([]);
  });

  test('closes nothing for others where the engine had the image before', async () => {
    const { ensure, asked, there } = stock('ada');
    there.set(byDigest, foundImage('sha256:id', {}, { digests: [byDigest] }));

    await ensure(`${name}:1`, login);
    expect((await ensure(byDigest)).id).toBe('sha256:id');
    expect(asked).toEqual([`resolve ${name}:1 ada`]);
  });

  test('is not made where it cannot be recorded; where the record cannot be read, nobody gets an image by its digest', async () => {
    const failure = new Error('unavailable');
    const broken = { has: () => Promise.reject(failure), add: () => Promise.reject(failure) };
    const { ensure, asked, there } = stock('ada', broken);

    await expect(ensure(`${name}:1`, login)).rejects.toBe(failure);
    there.set(byDigest, foundImage('sha256:id'));
    await expect(ensure(byDigest)).rejects.toBe(failure);
    expect(asked).not.toContain(`pull ${byDigest} ada`);
  });
});

test('an image that is named by its tag costs no question without a login', async () => {
  const unasked = {
    has: () => Promise.reject(new Error('asked')),
    add: () => Promise.reject(new Error('asked')),
  };
  const { ensure, asked, there } = stock('everybody', unasked);
  there.set(`${name}:1`, foundImage('sha256:id'));

  await ensure(`${name}:1`);

  expect(asked).toEqual([]);
});
