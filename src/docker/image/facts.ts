// Reads the metadata and the user list out of images, and caches them.
import { randomBytes } from 'node:crypto';
import { JobFailedError } from '../../job/errors.js';
import { type ContainerSettings, type CreateOptions, keyedTag, tagLabel } from '../container/container.js';
import type { Engine, FoundImage } from '../engine/engine.js';
import type { ImageConfig } from '../program/arguments.js';
import { imageUnusable } from './errors.js';
import { findLinkedFile, type LinkedFile, mostLinks, TooManyLinks } from './linked-file.js';

/** How an image is run, and the texts of two of its files; undefined when it has no such file. */
export interface ImageFacts {
  readonly config: ImageConfig;
  readonly metadata: string | undefined;
  readonly passwd: string | undefined;
}

export interface OpenedImage extends AsyncDisposable {
  readonly id: string;
}

const paths = { metadata: '/gostint_image.yml', passwd: '/etc/passwd' } as const;
const largestFile = { metadata: 64 * 1024, passwd: 1024 * 1024 } as const;
type Which = keyof typeof paths;
type Files = Readonly<Record<Which, string | undefined>>;
const mostCached = 500;
const purposeLabel = 'stint.purpose';

/**
 * Reads each image once, through a container that is created, never started, and removed at once. Caches by id and layers: the
 * layers say what is in the files, which the id of an index does not, and the id says that a container could be made of the image.
 * Safe for concurrent calls.
 */
export class ImageFactsReader {
  readonly #engine: Engine;
  readonly #settings: ContainerSettings;
  readonly #known = new Map<string, Promise<Files>>();

  constructor(engine: Engine, settings: ContainerSettings) {
    this.#engine = engine;
    this.#settings = settings;
  }

  /** Throws `JobFailedError` for an image whose files exist but cannot be read, or exceed the limits. */
  async read(image: FoundImage): Promise<ImageFacts> {
    const key = [image.id, ...image.layers].join();
    const known = this.#known.get(key) ?? this.#readFiles(image.id);
    this.#remember(key, known);
    try {
      return { config: image.config, ...(await known) };
    } catch (error) {
      this.#known.delete(key); // So that the next job tries again.
      throw error;
    }
  }

  /** Drops the least recently used entry when full: a map keeps its keys in insertion order. */
  #remember(key: string, files: Promise<Files>): void {
    this.#known.delete(key);
    this.#known.set(key, files);
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostCached && oldest !== undefined) this.#known.delete(oldest);
  }

  async #readFiles(imageId: string): Promise<Files> {
    await using image = await this.open(imageId);
    return {
      metadata: await this.#readText(image.id, 'metadata'),
      passwd: await this.#readText(image.id, 'passwd'),
    };
  }

  /** A container of the image, to look at its files. It is never started; disposing removes it. */
  async open(imageId: string): Promise<OpenedImage> {
    const name = `stint-${this.#settings.installation.slice(0, 8)}-image-${randomBytes(8).toString('hex')}`;
    const id = await this.#create(imageId, name);
    const remove = () => this.#engine.remove(id).catch(() => undefined); // The reaper removes it if this fails.
    return { id, [Symbol.asyncDispose]: remove };
  }

  async #create(imageId: string, name: string): Promise<string> {
    try {
      return await this.#engine.create(name, this.#idleOptions(imageId, name));
    } catch (error) {
      throw imageUnusable(error);
    }
  }

  /** Never started, so it needs no limits; it has a command only because the engine requires one. */
  #idleOptions(imageId: string, name: string): CreateOptions {
    const { installation, node } = this.#settings;
    const labels = {
      'stint.installation': installation,
      'stint.node': node,
      [purposeLabel]: 'image',
      [tagLabel]: imageTag(this.#settings, name),
    };
    return {
      Image: imageId,
      Entrypoint: ['/never-started'],
      Labels: labels,
      HostConfig: { NetworkMode: 'none' },
    };
  }

  async #readText(containerId: string, which: Which): Promise<string | undefined> {
    const place = { engine: this.#engine, containerId, mostBytes: largestFile[which] };
    try {
      return textOf(which, await findLinkedFile(place, paths[which]));
    } catch (error) {
      throw error instanceof TooManyLinks ? unusable(which, tooManyLinks) : error;
    }
  }
}

/** A link that leads to nothing is no list of users to any program; but of the metadata nobody may lose a reference. */
function textOf(which: Which, found: LinkedFile | 'dangling' | undefined): string | undefined {
  if (found === undefined || (found === 'dangling' && which === 'passwd')) return undefined;
  if (found === 'dangling') throw unusable(which, 'a link that leads nowhere');
  const { entry } = found;
  if (entry.kind !== 'file') throw unusable(which, entry.kind === 'other' ? entry.what : 'a directory');
  if (entry.size > largestFile[which]) throw unusable(which, `one of ${entry.size} bytes`);
  return entry.bytes.toString();
}

/** The tag by which a container that was made to read an image is recognized as ours. */
export function imageTag(
  { tagKey, installation }: Pick<ContainerSettings, 'tagKey' | 'installation'>,
  name: string,
): string {
  return keyedTag(tagKey, [installation, 'image', name]);
}

const tooManyLinks = `one behind more than ${mostLinks} links`;

/** It is there and cannot be read: to go on without it would lose what it says. */
function unusable(which: Which, got: string): JobFailedError {
  return new JobFailedError(
    'image_unavailable',
    'image_unusable',
    `Expected \`${paths[which]}\` of the image to be a file of at most ${largestFile[which]} bytes, got ${got}. Use another image.`,
  );
}
