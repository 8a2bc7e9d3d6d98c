import { rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { createRunDirectory } from '../../rig/run-directory.js';
import { SharedParts } from './shared-parts.js';

/**
 * Runs once, in vitest's own process, before the first `real` test file; not for `unit` tests alone. It starts no part:
 * each part starts when the first test file calls `rigPart` for it, and all stop at the end of the run.
 */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const parts = new SharedParts();
  const directory = await createRunDirectory('tests');
  const socket = join(directory, 'parts.sock');
  const server = createServer((request, response) => void answer(parts, request.url ?? '', response));
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  project.provide('rigSocket', socket);
  return async () => {
    server.close();
    server.closeAllConnections();
    await parts[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  };
}

async function answer(parts: SharedParts, url: string, response: ServerResponse): Promise<void> {
  try {
    response.end(JSON.stringify(await parts.addressOf(url.slice(1))));
  } catch (error) {
    response.writeHead(500).end((error as Error).message);
  }
}

declare module 'vitest' {
  interface ProvidedContext {
    rigSocket: string;
  }
}
