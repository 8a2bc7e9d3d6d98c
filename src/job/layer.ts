// Merges request, payload and metadata into the one spec that is run.

import type { ContentText } from './content.js';
import { JobFailedError } from './errors.js';
import type { JobSpec, SpecFields } from './job.js';

/** The sources of a job's fields. The content's metadata only fills in what request and payload leave out. */
export interface Layers {
  /** Job fields that the request has in the clear, beside token and payload. */
  readonly inline: SpecFields;
  /** The decrypted payload. */
  readonly payload: SpecFields;
  /** `gostint.yml` of the content: only its image and its references count. */
  readonly contentMetadata: SpecFields;
}

/**
 * Merges the layers into one spec; an empty text or list counts as not given. `content` is what `decodeContent` returned
 * for `contentText`, so that a large archive is decoded only once.
 *
 * Throws `JobFailedError` `image_missing_in_spec` when no layer names an image.
 */
export function layer(layers: Layers, content: Uint8Array | undefined): JobSpec {
  const { inline, payload } = layers;
  return {
    image: imageOf(layers),
    pullPolicy: payload.pullPolicy ?? inline.pullPolicy ?? 'IfNotPresent',
    entrypoint: firstList(payload.entrypoint, inline.entrypoint),
    command: firstList(payload.command, inline.command),
    workingDirectory: firstText(payload.workingDirectory, inline.workingDirectory),
    env: firstList(payload.env, inline.env),
    tty: payload.tty === true || inline.tty === true,
    init: payload.init ?? inline.init,
    content,
    secretRefs: secretRefsOf(layers),
    secretFileType: payload.secretFileType ?? inline.secretFileType ?? 'yaml',
    continueOnWarnings: payload.continueOnWarnings === true || inline.continueOnWarnings === true,
    registryRef: firstText(payload.registryRef, inline.registryRef),
    options: inline.options ?? {},
  };
}

/** The encoded content to use: the payload's, else the request's; undefined when neither has one. */
export function contentText({
  payload,
  inline,
}: Pick<Layers, 'inline' | 'payload'>): ContentText | undefined {
  return [payload.content, inline.content].find((text) => text !== undefined && text.length > 0);
}

/** The references of each source. The image's are known only once its container exists. */
export interface SecretRefSources {
  readonly inline?: readonly string[] | undefined;
  readonly image?: readonly string[] | undefined;
  readonly content?: readonly string[] | undefined;
  readonly payload?: readonly string[] | undefined;
}

/**
 * Joins the references of all sources, the weakest source first. A later entry for the same variable replaces an
 * earlier one. The replaced one is not read: it needs no right and costs no use of the token.
 */
export function joinSecretRefs(sources: SecretRefSources): string[] {
  const { inline = [], image = [], content = [], payload = [] } = sources;
  const byVariable = new Map<string, string>();
  for (const reference of [...inline, ...image, ...content, ...payload]) {
    const variable = variableOf(reference);
    byVariable.delete(variable);
    byVariable.set(variable, reference);
  }
  return [...byVariable.values()];
}

/** All references of a spec, now that the image's own are known. */
export function withImageSecretRefs(layers: Layers, image: SpecFields): string[] {
  return joinSecretRefs({
    inline: layers.inline.secretRefs,
    image: image.secretRefs,
    content: layers.contentMetadata.secretRefs,
    payload: layers.payload.secretRefs,
  });
}

function secretRefsOf(layers: Layers): string[] {
  return withImageSecretRefs(layers, {});
}

/** A reference without `@` is invalid. It is kept here under its whole text, and refused later. */
function variableOf(reference: string): string {
  const at = reference.indexOf('@');
  return at < 0 ? reference : reference.slice(0, at);
}

function imageOf({ inline, payload, contentMetadata }: Layers): string {
  const image = firstText(payload.image, inline.image, contentMetadata.image);
  if (image !== undefined) return image;
  throw new JobFailedError(
    'payload_refused',
    'image_missing_in_spec',
    'Expected the payload, the request or the `gostint.yml` of the content to name a `container_image`, got none.',
  );
}

function firstText(...texts: readonly (string | undefined)[]): string | undefined {
  return texts.find((text) => text !== undefined && text !== '');
}

function firstList(...lists: readonly (readonly string[] | undefined)[]): readonly string[] {
  return lists.find((list) => list !== undefined && list.length > 0) ?? [];
}
