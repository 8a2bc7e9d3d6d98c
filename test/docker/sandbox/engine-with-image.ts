import { createHash } from 'node:crypto';
import type { Engine } from '../../../src/docker/engine/engine.js';
import { filesOf } from '../../support/archives.js';
import { engineState, fakeEngine, foundImage } from '../../support/fake-engine.js';

/** An engine that takes the image of sandboxes, and what it was sent. `present`: the layers of what has our name there. */
export function engineWithImage(given: Partial<Engine> = {}, present?: readonly string[]) {
  let layers = present;
  const archives: Buffer[] = [];
  const engine = fakeEngine({
    info: async () => engineState(),
    findImage: async () => layers && foundImage(`image of ${layers.join()}`, {}, { layers }),
    loadImage: async (archive) => {
      const bytes = Buffer.concat(await archive.toArray());
      archives.push(bytes);
      const { 'layer.tar': layer = '' } = await filesOf(bytes);
      layers = [`sha256:${createHash('sha256').update(layer).digest('hex')}`];
    },
    ...given,
  });
  return { engine, archives };
}
