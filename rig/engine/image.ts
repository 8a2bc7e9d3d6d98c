// Provides images without a registry: takes one that is present, pulls it, or builds and imports it.
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { type Pack, pack } from 'tar-stream';
import { RigError } from '../process.js';
import { busyboxEntries, type ImageEntry } from './busybox.js';
import type { InstallOptions } from './debian.js';

export interface EnsuredImage {
  readonly name: string;
  readonly origin: 'present' | 'pulled' | 'made';
}

/** Ensures that the engine has the image: it has it, pulls it, or imports a busybox that is built here under its name. */
export async function ensureImage(
  docker: Docker,
  name: string,
  options: InstallOptions = {},
): Promise<EnsuredImage> {
  if (await hasImage(docker, name)) return { name, origin: 'present' };
  if (await pullImage(docker, name)) return { name, origin: 'pulled' };
  if (name.includes('@')) throw new RigError(`Could not make an image "${name}": a digest cannot be chosen.`);
  await buildImage(docker, { tag: name }, options);
  return { name, origin: 'made' };
}

async function hasImage(docker: Docker, name: string): Promise<boolean> {
  return await docker
    .getImage(name)
    .inspect()
    .then(
      () => true,
      () => false,
    );
}

/** Gives up soon: without an internet connection the name look-up alone may take half a minute. */
async function pullImage(docker: Docker, name: string): Promise<boolean> {
  const abortSignal = AbortSignal.timeout(PULL_LIMIT_MS);
  try {
    const progress = await docker.pull(name, { abortSignal });
    progress.resume();
    await finished(progress);
  } catch {
    return false;
  }
  return await hasImage(docker, name);
}

const PULL_LIMIT_MS = 10_000;

/** A test image: a busybox with more files and other settings. */
export interface ImageRecipe {
  readonly tag: string;
  /** By absolute path. */
  readonly files?: Readonly<Record<string, string | Buffer | FileRecipe | LinkRecipe>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly entrypoint?: readonly string[];
  readonly cmd?: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  readonly volumes?: readonly string[];
  /** Leaves out the busybox, for an image in which no command can run. */
  readonly empty?: boolean;
}

export interface FileRecipe {
  readonly content: string | Buffer;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** With the file capability to listen on low ports, for whoever executes it. */
  readonly hasCapabilities?: boolean;
}

/** A symbolic link. */
export interface LinkRecipe {
  readonly target: string;
}

/** Makes an image through the engine's import call, which needs neither a registry nor a build. Returns its id. */
export async function buildImage(
  docker: Docker,
  recipe: ImageRecipe,
  options: InstallOptions = {},
): Promise<string> {
  const base = recipe.empty === true ? [] : await busyboxEntries(options);
  const files = Object.entries(recipe.files ?? {}).map(toEntry);
  const replaced = new Set(files.map(({ path }) => path));
  const tar = packEntries([...base.filter(({ path }) => !replaced.has(path)), ...files]);
  const { repo, tag } = splitTag(recipe.tag);
  const answer = await docker.importImage(tar, { repo, tag, changes: toChanges(recipe).join('\n') });
  answer.resume();
  await finished(answer);
  return (await docker.getImage(recipe.tag).inspect()).Id;
}

function toEntry([at, file]: [string, string | Buffer | FileRecipe | LinkRecipe]): ImageEntry {
  const path = at.replace(/^\/+/, '');
  if (typeof file === 'string' || Buffer.isBuffer(file)) return { content: file, type: 'file', path };
  return { ...file, type: 'target' in file ? 'symlink' : 'file', path };
}

/** A colon before the last slash belongs to a registry's port. */
function splitTag(name: string): { repo: string; tag: string } {
  const colon = name.indexOf(':', name.lastIndexOf('/') + 1);
  return colon < 0
    ? { repo: name, tag: 'latest' }
    : { repo: name.slice(0, colon), tag: name.slice(colon + 1) };
}

/** The settings, as the Dockerfile lines that the import call understands. */
function toChanges(recipe: ImageRecipe): string[] {
  const lines = [
    ...Object.entries({ PATH: DEFAULT_PATH, ...recipe.env }).map(
      ([key, value]) => `ENV ${key}=${quote(value)}`,
    ),
    ...Object.entries(recipe.labels ?? {}).map(([key, value]) => `LABEL ${quote(key)}=${quote(value)}`),
    `CMD ${JSON.stringify(recipe.cmd ?? ['sh'])}`,
  ];
  if (recipe.entrypoint !== undefined) lines.push(`ENTRYPOINT ${JSON.stringify(recipe.entrypoint)}`);
  if (recipe.user !== undefined) lines.push(`USER ${recipe.user}`);
  if (recipe.workdir !== undefined) lines.push(`WORKDIR ${recipe.workdir}`);
  if (recipe.volumes !== undefined) lines.push(`VOLUME ${JSON.stringify(recipe.volumes)}`);
  return lines;
}

function quote(text: string): string {
  return `"${text.replace(/["\\$]/g, '\\$&')}"`;
}

function packEntries(entries: readonly ImageEntry[]): Readable {
  const tar = pack();
  for (const entry of entries) {
    if (entry.content === undefined) tar.entry(toHeader(entry));
    else tar.entry(toHeader(entry), entry.content);
  }
  tar.finalize();
  return Readable.from(tar);
}

/** A fixed time makes the same recipe give the same layer, which the engine then already has. */
function toHeader(entry: ImageEntry): Parameters<Pack['entry']>[0] {
  const { path, type, mode, uid, gid, target, hasCapabilities } = entry;
  const owner = { uid: uid ?? 0, gid: gid ?? 0 };
  const header = { name: path, type, mode: mode ?? 0o644, mtime: new Date(0), ...owner };
  if (hasCapabilities === true) Object.assign(header, { pax: CAPABILITIES });
  return target === undefined ? header : { ...header, linkname: target };
}

/** `cap_net_bind_service+ep` as the kernel keeps it: version 2, effective, one bit of the permitted ones. */
const CAPABILITIES = { 'SCHILY.xattr.security.capability': `\x01\0\0\x02\0\x04${'\0'.repeat(14)}` };

const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
