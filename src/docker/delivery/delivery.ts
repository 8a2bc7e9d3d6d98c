import { readFile } from 'node:fs/promises';
import type { ContainerRequest } from '../../executor/backend.js';
import { BrokenError } from '../../job/errors.js';
import { readArchive } from '../archive/archive.js';
import { type ExtraFile, repack } from '../archive/repack.js';
import { type ArchiveRules, passwdFile } from '../archive/rules.js';
import { type BoundFile, jobUser } from '../container/container.js';
import { uploadFailure } from '../container/errors.js';
import type { Engine } from '../engine/engine.js';
import type { HostFiles, JobFiles } from './host-files.js';
import { addJobUser } from './passwd.js';

/** How one job's content, secrets and list of users get into its container. Called in the order of its methods. */
export interface Delivery {
  /** What the container is created with. */
  readonly files: readonly BoundFile[];
  /** After the container was created, before anything secret is known. */
  uploadContent(containerId: string, signal: AbortSignal): Promise<void>;
  /** Before the start. */
  fill(containerId: string, secrets: Uint8Array): Promise<void>;
  /** As soon as the container has started, and at the end in any case; may be repeated. */
  release(): Promise<void>;
}

/** What every delivery needs. */
export interface DeliveryParts {
  readonly engine: Engine;
  readonly rules: ArchiveRules;
  /** Of an authority, put into every container at the same path. */
  readonly caCertificatePath: string | undefined;
}

interface Job {
  readonly request: ContainerRequest;
  /** The image's list of users; undefined where it has none. */
  readonly passwd: string | undefined;
}

/**
 * For an engine that shares our file system: secrets and users are files of this host, bound over whatever lies there,
 * so the secrets never touch a disk. Content goes up as soon as there is a container, before anything is spent.
 */
export async function openBoundDelivery(
  parts: DeliveryParts,
  hostFiles: HostFiles,
  { request, passwd }: Job,
): Promise<Delivery> {
  await readCertificate(parts); // An engine that misses this file must not be taken for one that sees none of ours.
  const files = await hostFiles.create(addJobUser(passwd));
  return {
    files: boundFiles(files, request.secretsPath, parts.caCertificatePath),
    uploadContent: async (containerId, signal) => {
      if (request.content === undefined) return;
      const tar = repack(readArchive(request.content, parts.rules), { leftOut: parts.rules.ownFiles });
      await upload(parts.engine, containerId, { tar, signal });
    },
    fill: (_, secrets) => files.write(secrets),
    release: () => files.remove(),
  };
}

function boundFiles(files: JobFiles, secretsPath: string, caPath: string | undefined): BoundFile[] {
  const own = [
    { source: files.secretsPath, target: secretsPath },
    { source: files.passwdPath, target: `/${passwdFile}` },
  ];
  return caPath === undefined ? own : [...own, { source: caPath, target: caPath }];
}

/**
 * For every other engine: all goes up in one archive once the secrets are known, these last of all. They lie in the
 * engine's storage until the container is removed.
 */
export function openArchiveDelivery(parts: DeliveryParts, { request, passwd }: Job): Delivery {
  let { content } = request;
  let extras: readonly ExtraFile[] = [];
  return {
    files: [],
    uploadContent: async () => {
      extras = await ownFiles(parts, addJobUser(passwd));
    },
    fill: async (containerId, secrets) => {
      const entries = content === undefined ? nothing() : readArchive(content, parts.rules);
      const last = { path: request.secretsPath.slice(1), bytes: secrets, mode: 0o400, ...jobUser };
      await upload(parts.engine, containerId, { tar: repack(entries, { extras: [...extras, last] }) });
    },
    release: async () => {
      content = undefined; // It may be large, and nobody needs it any more.
    },
  };
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

async function* nothing(): AsyncGenerator<never> {
  // An archive without entries.
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
