import { expect, test } from 'vitest';
import { ensurePauseImage } from '../../../src/docker/sandbox/pause-image.js';
import { filesOf } from '../../support/archives.js';
import { engineState } from '../../support/fake-engine.js';
import { engineWithImage } from './engine-with-image.js';

test('the image is loaded where it is missing, and found from then on', async () => {
  const { engine, archives } = engineWithImage();

  const id = await ensurePauseImage(engine);

  expect(id).toMatch(/^image of sha256:/);
  expect(await ensurePauseImage(engine)).toBe(id);
  expect(archives).toHaveLength(1);
});

test('another image of that name is not used', async () => {
  const { engine, archives } = engineWithImage({}, ['sha256:other']);

  expect(await ensurePauseImage(engine)).not.toBe('image of sha256:other');
  expect(archives).toHaveLength(1);
});

test('the archive has the same bytes each time, a program and what starts it', async () => {
  const [first, second] = [engineWithImage(), engineWithImage()];
  await ensurePauseImage(first.engine);
  await ensurePauseImage(second.engine);

  expect(first.archives).toEqual(second.archives);
  const files = await filesOf(first.archives[0] ?? Buffer.alloc(0));
  const [{ Config, RepoTags }] = JSON.parse(String(files['manifest.json']));
  expect(RepoTags).toEqual(['stint-sandbox:1']);
  const config = { architecture: 'amd64', config: { Entrypoint: ['/pause'] } };
  expect(JSON.parse(String(files[Config]))).toMatchObject(config);
  const { pause } = await filesOf(files['layer.tar'] ?? Buffer.alloc(0));
  expect(pause?.toString('latin1', 0, 4)).toBe('\x7fELF');
});

test('an engine on another processor gets none', async () => {
  const { engine, archives } = engineWithImage({
    info: async () => engineState({ architecture: 'riscv64' }),
  });

  expect(await ensurePauseImage(engine)).toBeUndefined();
  expect(archives).toEqual([]);
});
