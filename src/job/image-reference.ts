// Parses image references as Docker does and explains what is wrong with one.

/** The parts of an image reference as it was written. */
export interface ImageReference {
  /** `host` or `host:port`; undefined for the engine's default registry. */
  readonly registry: string | undefined;
  /** The path without the registry, as written: nothing is added to it. */
  readonly repository: string;
  readonly tag: string | undefined;
  /** `algorithm:hex`; it takes precedence over the tag. */
  readonly digest: string | undefined;
}

const longestName = 255;
const longestTag = 128;
/** Name, tag and digest: what is longer is not looked at any closer. */
const longestReference = 1024;

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const label = '[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?';
const registryShape = new RegExp(`^(?:${label}(?:\\.${label})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]{1,5})?$`);
const tagShape = new RegExp(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,${longestTag - 1}}$`);
const digestShape = /^[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}$/;
const sha256Shape = /^sha256:[0-9a-f]{64}$/;

/** The parts of an image reference, or undefined for an invalid one: `findImageProblem` then says why. */
export function parseImageReference(text: string): ImageReference | undefined {
  return findImageProblem(text) === undefined ? split(text) : undefined;
}

/**
 * The reference with `:latest` where it names neither a tag nor a digest: without it some engines fetch every tag. The
 * text must be a valid reference.
 */
export function withDefaultTag(text: string): string {
  const { tag, digest } = split(text);
  return tag === undefined && digest === undefined ? `${text}:latest` : text;
}

/** What is wrong with an image reference, to complete "Expected an image …, got …"; undefined when it is valid. */
export function findImageProblem(text: string): string | undefined {
  if (text.length > longestReference) return `of at most ${longestReference} characters`;
  const { registry, repository, tag, digest } = split(text);
  if (registry !== undefined && !registryShape.test(registry))
    return 'whose registry is `host` or `host:port`';
  if (text.length - lengthOf(tag) - lengthOf(digest) > longestName)
    return `whose name has at most ${longestName} characters`;
  if (tag !== undefined && !tagShape.test(tag))
    return `whose tag is 1 to ${longestTag} letters, digits, \`_\`, \`.\` or \`-\``;
  if (digest !== undefined && !isDigest(digest))
    return 'whose digest is `sha256:` and 64 lower-case hex digits';
  return findRepositoryProblem(repository);
}

/** Registry and repository as the engine completes them, without tag and digest: equal names are of the same images. */
export function completeName({ registry, repository }: ImageReference): string {
  const completed = registry?.toLowerCase() ?? hub;
  const isHub = completed === hub || completed === `index.${hub}`;
  if (!isHub) return `${completed}/${repository}`;
  return `${hub}/${repository.includes('/') ? repository : `library/${repository}`}`;
}

const hub = 'docker.io';

/** As the engine completes it: `docker.io` where an image names none. */
export function registryOf(reference: Pick<ImageReference, 'registry'>): string {
  const [registry = ''] = completeName({
    ...reference,
    repository: '',
    tag: undefined,
    digest: undefined,
  }).split('/');
  return registry;
}

/** The engine takes `sha256:` and hex digits for the id of an image, or its beginning, whatever registry that came from. */
export function isId({ registry, repository }: ImageReference): boolean {
  return registry === undefined && (repository === 'sha256' || /^[0-9a-f]{64}$/.test(repository));
}

/**
 * The digest of an image under the name that was asked for, out of all that an engine knows it by (`repository@digest`). An image
 * that two registries have may have another digest in each.
 */
export function digestOf(text: string, known: readonly string[]): string | undefined {
  const asked = parseImageReference(text);
  if (asked === undefined) return undefined;
  const name = completeName(asked);
  const found = known
    .map(parseImageReference)
    .find((each) => each !== undefined && completeName(each) === name);
  return asked.digest ?? found?.digest;
}

function findRepositoryProblem(repository: string): string | undefined {
  if (repository === '') return 'that names a repository';
  if (/[A-Z]/.test(repository)) return 'whose repository is in lower case';
  if (repository.split('/').every((part) => component.test(part))) return undefined;
  return 'whose repository is made of lower-case letters and digits, with single `.`, `_` or `-` between and `/` around them';
}

/** The part before the first slash is a registry only if it looks like a host: `library/alpine` has no registry. */
function split(text: string): ImageReference {
  const at = text.indexOf('@');
  const named = at < 0 ? text : text.slice(0, at);
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const slash = named.indexOf('/');
  const registry = slash > 0 && isHost(named.slice(0, slash)) ? named.slice(0, slash) : undefined;
  const path = registry === undefined ? named : named.slice(slash + 1);
  const colon = path.indexOf(':');
  const repository = colon < 0 ? path : path.slice(0, colon);
  return { registry, repository, tag: colon < 0 ? undefined : path.slice(colon + 1), digest };
}

function isHost(text: string): boolean {
  return text === 'localhost' || /[.:A-Z[]/.test(text);
}

function isDigest(digest: string): boolean {
  return digest.startsWith('sha256:') ? sha256Shape.test(digest) : digestShape.test(digest);
}

function lengthOf(text: string | undefined): number {
  return text === undefined ? 0 : text.length + 1;
}
