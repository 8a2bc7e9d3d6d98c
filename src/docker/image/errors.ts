// Errors about the image of a job, each reason with a code of its own.
import { JobFailedError } from '../../job/errors.js';
import { EngineError, isFault } from '../engine/errors.js';

/** One function per reason, because the owner of a job reacts differently to each. */

export function referenceInvalid(image: string): JobFailedError {
  return unavailable(
    'image_reference_invalid',
    `Expected the image to be a name such as \`registry:5000/team/tool:1.2\`, got ${JSON.stringify(image.slice(0, 100))}.`,
  );
}

/** The name looks right to stint, and the engine does not take it. */
export function referenceRefused(reference: string): JobFailedError {
  return unavailable(
    'image_reference_invalid',
    `Could not use the image "${reference}": the engine does not accept this name. Check its length and its digest.`,
  );
}

/** What a container made only to read the image says of the image. Other errors are returned unchanged. */
export function imageUnusable(error: unknown): unknown {
  if (!isFault(error, 'directory_unusable', 'volume_unusable', 'image_hollow', 'refused')) return error;
  return unavailable(
    'image_unusable',
    `Could not make a container of the image: the engine says "${error.text}". Check its WORKDIR and its VOLUMEs, or use another image.`,
  );
}

/** The engine lists it, and has nothing of it that could run: a failed pull left it, or it is for another processor. */
export function imageHollow(reference: string): JobFailedError {
  return unavailable(
    'image_unusable',
    `Could not use the image "${reference}": the engine lists it and has no content of it for its own processor. Remove it there (\`docker image rm\`), and check what its registry has under this name.`,
  );
}

export function imageMissing(reference: string): JobFailedError {
  return unavailable(
    'image_missing',
    `Could not use the image "${reference}": the engine does not have it, and the pull policy \`Never\` forbids to fetch it. Load it there, or set \`image_pull_policy\` to \`IfNotPresent\`.`,
  );
}

export function imageGone(reference: string): JobFailedError {
  return unavailable(
    'image_missing',
    `Could not use the image "${reference}": it was removed from the engine while the job was prepared. Submit the job again.`,
  );
}

/** `why` completes the sentence: stint's own words, none of the program's. */
export function unverified(image: string, why: string): JobFailedError {
  return unavailable(
    'image_unverified',
    `The image "${image}" may not run here: ${why}. Use an image that the operator's check accepts, from its registry.`,
  );
}

/** Nothing tells which registry to ask, so nobody gets it by its id. */
export function privateId(reference: string): JobFailedError {
  return unavailable(
    'image_access_denied',
    `Could not use the image "${reference}": it came with a login of a job. Name it by registry and repository, with a login of your own in \`registry_ref\`.`,
  );
}

export function pullTimedOut(reference: string, why: string): JobFailedError {
  return unavailable(
    'pull_timed_out',
    `Could not pull the image "${reference}": ${why}. Try again, or load the image onto the engine beforehand.`,
  );
}

/**
 * What a failed pull means for the job. Errors that are the engine's own fault are returned unchanged. The engine's text is never
 * shown: it may repeat the answer of a server that the job chose, and that only the engine reaches.
 */
export function pullFailure(error: unknown, reference: string): unknown {
  if (!isPullFault(error)) return error;
  const could = `Could not pull the image "${reference}"`;
  switch (error.fault) {
    case 'image_missing':
      return unavailable('image_not_found', `${could}: its registry has no such image. Check name and tag.`);
    case 'image_platform':
      return unavailable(
        'image_not_found',
        `${could}: its registry has none for the processor of this engine. Use an image that is built for it.`,
      );
    case 'image_denied':
      return unavailable(
        'image_access_denied',
        `${could}: its registry denies the engine access, or has no such image. Check the name. For a private image, name a secret with a login in \`registry_ref\`, or check the login there.`,
      );
    case 'registry_unreachable':
      return unavailable(
        'registry_unreachable',
        `${could}: its registry cannot be reached from the engine, or does not answer as one. Check the name and the network.`,
      );
    case 'rate_limited':
      return unavailable(
        'pull_rate_limited',
        `${could}: its registry limits how often images are pulled (429). Submit the job again later, or load the image onto the engine beforehand.`,
      );
    case 'reference_invalid':
      return referenceRefused(reference);
    default:
      return unavailable(
        'pull_failed',
        `${could}: its registry did not deliver it whole, or answered something else, or the engine had no room for all of it. Check the image there; the engine's log tells more.`,
      );
  }
}

/** Without an answer of the engine it is the engine's fault: the job can wait until that is over. */
function isPullFault(error: unknown): error is EngineError {
  return error instanceof EngineError && error.code === 'engine_failed';
}

function unavailable(code: string, message: string): JobFailedError {
  return new JobFailedError('image_unavailable', code, message);
}
