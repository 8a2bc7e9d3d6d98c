// Opens the request of a job and layers it into a spec.
import { checkFields } from '../job/check.js';
import { decodeContent } from '../job/content.js';
import { JobFailedError } from '../job/errors.js';
import type { JobSpec, SpecFields } from '../job/job.js';
import { contentText, type Layers, layer, withImageSecretRefs } from '../job/layer.js';
import { findForbiddenImage } from '../job/options/image-policy.js';
import { findForbidden, type OptionsPolicy } from '../job/options/policy.js';
import { readContentMetadata, readImageSecretRefs } from './metadata.js';
import type { ExecutorParts, OpenedRequest, Run } from './run.js';
import { sharedSession } from './secrets/shared-login.js';
import type { SecretSession } from './secrets.js';

/** A spec that is complete except for the references in the image's metadata. */
export interface LayeredSpec {
  readonly spec: JobSpec;
  /** All references, once the image's metadata is known. */
  readonly secretRefs: (imageMetadata: string | undefined) => string[];
}

/** A session that records what it does. It opens at its first use. Undefined for a job without a Vault identity. */
export function newSession(
  run: Run,
  request: OpenedRequest,
  parts: ExecutorParts,
): SecretSession | undefined {
  if (request.kept !== undefined) return sharedSession(request.kept, parts.secrets);
  if (request.wrappedSecretId === undefined) return undefined;
  const { recorder, stop } = run;
  const hooks = {
    beforeSpending: async () => {
      await parts.backend.check(); // The engine is needed right after an encrypted payload is opened.
      stop.check();
      await recorder.spending();
    },
    onToken: (accessor: string) => recorder.tokenTaken(accessor),
    onRevoked: (renewals?: number) => recorder.tokenRevoked(renewals),
  };
  return parts.secrets.session(request.wrappedSecretId, hooks, request.wrap);
}

interface Reading {
  readonly run: Run;
  readonly session: SecretSession | undefined;
  readonly parts: ExecutorParts;
}

/** Decrypts the payload, if there is one, and layers request, payload and the content's metadata. */
export async function readSpec(request: OpenedRequest, reading: Reading): Promise<LayeredSpec> {
  const inline = request.fields;
  const policy = reading.parts.options.policyFor(reading.run.job);
  refuseForbidden(inline, policy);
  refuseForbiddenImage(inline.image, policy);
  const payload = await openPayload(request, reading);
  const text = contentText({ inline, payload });
  const content = text === undefined ? request.content : await decodeContent(text);
  const layers = { inline, payload, contentMetadata: await readMetadata(content, reading.parts) };
  const spec = layer(layers, content);
  refuseForbiddenImage(spec.image, policy); // The payload or the content may have named another one.
  return {
    spec,
    secretRefs: (metadata) =>
      withImageSecretRefs(layers, { secretRefs: refsOfImage(metadata, reading.parts) }),
  };
}

/** Whoever makes the image of a job chooses with them which secrets of the job's owner it gets. */
function refsOfImage(metadata: string | undefined, { options }: ExecutorParts): string[] {
  return options.imageSecretRefs ? readImageSecretRefs(metadata) : [];
}

async function openPayload(request: OpenedRequest, { run, session, parts }: Reading): Promise<SpecFields> {
  if (request.ciphertext === undefined) return {};
  if (session === undefined) throw identityMissing('an encrypted payload');
  const payload = await parts.parsePayload(await session.decrypt(request.ciphertext));
  refuseOtherQueue(payload.queue ?? '', run.job.queue ?? '');
  refuseProblems(checkFields(payload)); // Whatever the parser of a door let through.
  return payload;
}

/** Whoever has no identity at Vault cannot read from it: the job fails, rather than run without what it asks for. */
export function identityMissing(what: string): JobFailedError {
  return new JobFailedError(
    'secrets_refused',
    'identity_missing',
    `The job has ${what}, but no wrapped SecretID to log in to Vault with: submit it with \`wrap_secret_id\`.`,
  );
}

/** A payload that was made for another queue must not run here: it may have been copied from another request. */
function refuseOtherQueue(inPayload: string, inRequest: string): void {
  if (inPayload.toLowerCase() === inRequest) return;
  throw new JobFailedError(
    'payload_refused',
    'queue_mismatch',
    `Expected the queue name of the payload to be that of the request, got "${inPayload}" and "${inRequest}".`,
  );
}

/** Checked when the job was taken too; since then, or on this node, the operator may have set something else. */
function refuseForbidden({ options = {} }: SpecFields, policy: OptionsPolicy): void {
  const forbidden = findForbidden(options, policy);
  if (forbidden.length === 0) return;
  throw new JobFailedError('payload_refused', 'option_forbidden', forbidden.join(' '));
}

function refuseForbiddenImage(image: string | undefined, policy: OptionsPolicy): void {
  const forbidden = findForbiddenImage(image, policy.images, 'image');
  if (forbidden.length === 0) return;
  throw new JobFailedError('image_unavailable', 'image_forbidden', forbidden.join(' '));
}

function refuseProblems(problems: readonly string[]): void {
  if (problems.length > 0) throw new JobFailedError('payload_refused', 'payload_invalid', problems.join(' '));
}

async function readMetadata(
  content: Uint8Array | undefined,
  parts: ExecutorParts,
): Promise<Layers['contentMetadata']> {
  if (content === undefined) return {};
  return readContentMetadata((await parts.backend.checkContent(content)).metadata);
}
