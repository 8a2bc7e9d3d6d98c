// Reads or creates the node id and the seal key that a node keeps on disk across restarts.
import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../config/config.js';

/** What a node keeps across restarts, outside the database. */
export interface NodeState {
  /** Lets a restarted node find its own jobs. */
  readonly nodeId: string;
  /** 32 bytes that encrypt the waiting requests in Postgres. All nodes on one database need the same key. */
  readonly sealKey: Buffer;
}

const keyBytes = 32;
const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/**
 * Reads the node's id and key from the settings, else from its directory; creates and stores them at the first start.
 * An invalid file is never replaced: waiting jobs may need exactly that key. Throws `ConfigError`.
 */
export async function openNodeState(
  directory: string,
  given: { nodeId: string | undefined; sealKey: Buffer | undefined },
): Promise<NodeState> {
  await naming(`make the directory "${directory}"`, mkdir(directory, { recursive: true, mode: 0o700 }));
  const nodeId = given.nodeId ?? (await keepId(join(directory, 'node-id')));
  const sealKey = given.sealKey ?? (await keepKey(join(directory, 'seal.key')));
  return { nodeId, sealKey };
}

async function keepId(path: string): Promise<string> {
  const id = await keep(path, () => randomUUID());
  if (uuid.test(id)) return id;
  throw unusable(path, `a UUID, got another text of ${id.length} characters`);
}

async function keepKey(path: string): Promise<Buffer> {
  const text = await keep(path, () => randomBytes(keyBytes).toString('base64'));
  const key = Buffer.from(text, 'base64');
  if (key.length === keyBytes && base64.test(text)) return key;
  throw unusable(path, `${keyBytes} bytes in base64, got ${key.length} bytes of ${text.length} characters`);
}

function unusable(path: string, expected: string): ConfigError {
  return new ConfigError([`Expected the file "${path}" to hold ${expected}.`]);
}

async function keep(path: string, make: () => string): Promise<string> {
  return (await read(path)) ?? (await write(path, make()));
}

/** Undefined only for a missing file. One that cannot be read must not be replaced: its content is still needed. */
async function read(path: string): Promise<string | undefined> {
  const text = await naming(
    `read the file "${path}"`,
    readFile(path, 'utf8').catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }),
  );
  return text?.trim();
}

/**
 * Writes a draft first and then links it to its final name, which fails if that exists. So a crash leaves no partial key,
 * and of two processes that start at once both use the key of the first.
 */
async function write(path: string, text: string): Promise<string> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await naming(`write the file "${draft}"`, writeDurably(draft, `${text}\n`));
    await link(draft, path);
    return text;
  } catch (error) {
    const kept = codeOf(error) === 'EEXIST' ? await read(path) : undefined;
    if (kept !== undefined) return kept;
    throw error instanceof ConfigError ? error : failed(`write the file "${path}"`, error);
  } finally {
    await rm(draft, { force: true });
  }
}

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

async function naming<T>(action: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw failed(action, error);
  }
}

function failed(action: string, error: unknown): ConfigError {
  return new ConfigError([`Could not ${action} (${codeOf(error)}).`]);
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
