// Says which images the operator lets jobs run, and finds one that is not among them.

import { completeName, type ImageReference, isId, parseImageReference } from '../image-reference.js';

/** What jobs may name as their image. */
export interface ImagePolicy {
  readonly allowed: readonly AllowedImages[];
  /** A name must say which image it means: `name@sha256:…`. A tag may move to another image at any time. */
  readonly digestsOnly: boolean;
  /** As settings name them for jobs that name none: always allowed, written just so. */
  readonly own: readonly string[];
}

/**
 * `public`: every image of a registry with a public name. `ids`: the id of any image that the engine has. Anything else is a
 * pattern of a registry and a repository, as `isImagePattern` describes it.
 */
export type AllowedImages = 'public' | 'ids' | (string & {});

/** For a server whose operator set nothing. */
export const usualImages: ImagePolicy = { allowed: ['public'], digestsOnly: false, own: [] };

const host = '(?!\\*\\*)[a-zA-Z0-9*](?:[a-zA-Z0-9.*-]*[a-zA-Z0-9*])?|\\[[a-fA-F0-9:]+\\]';
const component = '(?:[a-z0-9._-]|\\*(?!\\*))+';
const patternShape = new RegExp(`^(?:${host})(?::\\d{1,5})?(?:/${component})*/(?:\\*\\*|${component})$`);

/** Whether a text is `public`, `ids`, `**` for all names, or a registry and a repository. */
export function isImagePattern(text: string): boolean {
  if (text === 'public' || text === 'ids' || text === '**') return true;
  // Without a registry `team/tool` would be taken for a repository of the registry "team".
  return patternShape.test(text) && /[.:*[]|^localhost$/.test(text.split('/')[0] ?? '');
}

/** One sentence where the operator does not allow the image; none for a text that is no reference. */
export function findForbiddenImage(
  image: string | undefined,
  { allowed, digestsOnly, own }: ImagePolicy,
  name: string,
): string[] {
  const reference = image === undefined ? undefined : parseImageReference(image);
  if (image === undefined || reference === undefined || own.includes(image)) return [];
  if (isAllowed(reference, allowed)) return digestsOnly ? findMissingDigest(reference, name) : [];
  const what = isId(reference) ? 'an image by its id' : `the image "${image.slice(0, longestQuote)}"`;
  return [
    `Not allowed by the operator: \`${name}\` asks for ${what}${whyNot(reference, allowed)} (STINT_ALLOW_IMAGES).`,
  ];
}

function findMissingDigest(reference: ImageReference, name: string): string[] {
  if (reference.digest !== undefined || isId(reference)) return [];
  return [
    `Not allowed by the operator: \`${name}\` asks for an image without its digest, as in \`name@sha256:…\` (STINT_IMAGE_DIGESTS_ONLY).`,
  ];
}

const longestQuote = 300;

/** What an unset setting does not allow needs a reason: the name alone does not show it. */
function whyNot(reference: ImageReference, allowed: readonly AllowedImages[]): string {
  const isUsual = allowed.length === 1 && allowed[0] === 'public';
  return isUsual && !isId(reference) ? ', whose registry has no public name' : '';
}

function isAllowed(reference: ImageReference, allowed: readonly AllowedImages[]): boolean {
  if (isId(reference)) return allowed.includes('ids');
  const name = completeName(reference);
  return allowed.some((each) => {
    if (each === 'ids') return false;
    return each === 'public' ? isPublic(reference.registry) : matches(each, name);
  });
}

/** `*` stands for any characters but `/` and `:`, `**` at the end for all that follows. */
function matches(pattern: string, name: string): boolean {
  const [start = '', ...more] = pattern.split('**');
  const parts = start.split('*').map((part) => part.toLowerCase().replace(/[.[\]]/g, '\\$&'));
  return new RegExp(`^${parts.join('[^/:]*')}${more.length > 0 ? '.*' : ''}$`).test(name);
}

/** Zones that no public name is in, and the names of networks at home, in offices and of clusters. */
const innerZones: readonly string[] = [
  'arpa',
  'cluster',
  'consul',
  'corp',
  'docker',
  'home',
  'internal',
  'intranet',
  'invalid',
  'lan',
  'local',
  'localdomain',
  'localhost',
  'onion',
  'private',
  'test',
];

/**
 * An address is never public, however it is written, nor is a name without a dot: the engine may find either in its own
 * network. What a public name leads to is not known here.
 */
function isPublic(registry: string | undefined): boolean {
  if (registry === undefined) return true;
  const labels = registry.toLowerCase().replace(/:\d+$/, '').split('.');
  const zone = labels.at(-1) ?? '';
  return labels.length > 1 && /^(?:[a-z]{2,}|xn--[a-z0-9-]+)$/.test(zone) && !innerZones.includes(zone);
}
