// Gets one job's content, secrets and user list into its container.
import { readFile } from 'node:fs/promises';
import type { ContainerRequest } from '../../executor/backend.js';
import { BrokenError } from '../../job/errors.js';
import type { Mount } from '../../job/options/options.js';
import { readArchive, surveyArchive } from '../archive/archive.js';
import { type ExtraFile, repack } from '../archive/repack.js';
import { type ArchiveRules, passwdFile } from '../archive/rules.js';
import { type BoundFile, fileOwner } from '../container/container.js';
import { uploadFailure } from '../container/errors.js';
import type { Engine } from '../engine/engine.js';
import { refusePipes } from '../output/program-pipes.js';
import type { HostFiles, JobFiles } from './host-files.js';
import { findLinkedDirectories } from './linked-directories.js';
import { refuseMounts, resolveMounts } from './mounts.js';
import { addJobUser } from './passwd.js';

/** The delivery of one job. Its methods are called in the order given here. */
export interface Delivery {
  /** Files that the container is created with. */
  readonly files: readonly BoundFile[];
  /** What the job asked to be mounted, as it is allowed. */
  readonly mounts: readonly Mount[];
  /**
   * Called after the container was created, before any secret is known. Where files are bound, once more with another
   * container of the image, to look at what a start that failed had before it.
   */
  uploadContent(containerId: string, signal: AbortSignal): Promise<void>;
  /** Called before the start. */
  fill(containerId: string, secrets: Uint8Array | undefined): Promise<void>;
  /** Called as soon as the container has started, and at the end in any case; may be repeated. */
  release(): Promise<void>;
}

/** What every delivery needs. */
export interface DeliveryParts {
  readonly engine: Engine;
  readonly rules: ArchiveRules;
  /** A CA certificate, put into every container at the same path. */
  readonly caCertificatePath: string | undefined;
}

interface Job {
  readonly request: ContainerRequest;
  /** The image's list of users; undefined where it has none. */
  readonly passwd: string | undefined;
}

/**
 * For an engine that shares our file system: secrets and user list are files of this host, bound over those of the
 * image, so the secrets are never on a disk. Content is uploaded as soon as the container exists, before anything is
 * spent.
 */
export async function openBoundDelivery(
  parts: DeliveryParts,
  hostFiles: HostFiles,
  { request, passwd }: Job,
): Promise<Delivery> {
  await readCertificate(parts); // A missing file must not look like an engine that sees none of our files.
  const { mounts: asked = [] } = request.options;
  const mounts = await resolveMounts(asked, request.policy.mounts);
  const files = await hostFiles.create(addJobUser(passwd), fileOwner(request.options));
  return {
    mounts,
    files: boundFiles(files, request.secretsPath, parts.caCertificatePath),
    uploadContent: async (containerId, signal) => {
      const { content } = request;
      if (content === undefined) return;
      const linked = await linkedDirectories(parts, { content, containerId, signal });
      const leftOut = [...parts.rules.ownFiles, ...linked];
      const tar = repack(readArchive(content, parts.rules), { leftOut });
      await upload(parts.engine, containerId, { tar, signal });
    },
    fill: async (_, secrets) => secrets && (await files.write(secrets)),
    release: () => files.remove(),
  };
}

function boundFiles(
  files: JobFiles,
  secretsPath: string | undefined,
  caPath: string | undefined,
): BoundFile[] {
  const users = { source: files.passwdPath, target: `/${passwdFile}` };
  const secrets = secretsPath === undefined ? [] : [{ source: files.secretsPath, target: secretsPath }];
  const certificate = caPath === undefined ? [] : [{ source: caPath, target: caPath }];
  return [...secrets, users, ...certificate];
}

/**
 * For every other engine: everything is uploaded in one archive once the secrets are known, the secrets last. They are
 * in the engine's storage until the container is removed.
 */
export function openArchiveDelivery(parts: DeliveryParts, { request, passwd }: Job): Delivery {
  refuseMounts(request.options.mounts ?? []);
  refusePipes(request.options);
  let { content } = request;
  let extras: readonly ExtraFile[] = [];
  let leftOut: readonly string[] = [];
  return {
    files: [],
    mounts: [],
    uploadContent: async (containerId, signal) => {
      extras = await ownFiles(parts, addJobUser(passwd));
      if (content !== undefined) leftOut = await linkedDirectories(parts, { content, containerId, signal });
    },
    fill: async (containerId, secrets) => {
      const entries = content === undefined ? noEntries() : readArchive(content, parts.rules);
      const last = secretsEntry(request, secrets);
      await upload(parts.engine, containerId, {
        tar: repack(entries, { extras: [...extras, ...last], leftOut }),
      });
    },
    release: async () => {
      content = undefined; // It may be large and is no longer needed.
    },
  };
}

function secretsEntry(
  { secretsPath, options }: ContainerRequest,
  secrets: Uint8Array | undefined,
): ExtraFile[] {
  if (secretsPath === undefined || secrets === undefined) return [];
  return [{ path: secretsPath.slice(1), bytes: secrets, mode: 0o400, ...fileOwner(options) }];
}

/** Refuses content that is not acceptable, before the engine gets any of it. */
async function linkedDirectories(
  { engine, rules }: DeliveryParts,
  { content, ...lookup }: { content: Uint8Array; containerId: string; signal: AbortSignal },
): Promise<string[]> {
  const tree = await surveyArchive(content, rules);
  return await findLinkedDirectories(tree, { engine, ...lookup, limitMs: rules.limits.timeMs });
}

async function ownFiles(parts: DeliveryParts, passwd: string): Promise<ExtraFile[]> {
  const readable = { mode: 0o444, uid: 0, gid: 0 };
  const users = { path: passwdFile, bytes: Buffer.from(passwd), ...readable };
  const bytes = await readCertificate(parts);
  const path = parts.caCertificatePath?.slice(1);
  return bytes === undefined || path === undefined ? [users] : [users, { path, bytes, ...readable }];
}

/** Undefined where there is none to put into containers. */
async function readCertificate({ caCertificatePath }: DeliveryParts): Promise<Uint8Array | undefined> {
  if (caCertificatePath === undefined) return undefined;
  try {
    return await readFile(caCertificatePath);
  } catch {
    throw new BrokenError(
      'internal',
      `Could not read "${caCertificatePath}" for a container. Put the file back, or change VAULT_CACERT.`,
    );
  }
}

async function* noEntries(): AsyncGenerator<never> {
  // For a job without content.
}

async function upload(
  engine: Engine,
  containerId: string,
  { tar, signal }: { tar: ReturnType<typeof repack>; signal?: AbortSignal },
): Promise<void> {
  try {
    await engine.upload(containerId, tar, signal);
  } catch (error) {
    throw uploadFailure(error);
  }
}
