import { type IncomingMessage, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { inject } from 'vitest';
import type { PartAddresses } from './shared-parts.js';

/**
 * The address of a real part that all test files of this run share; the first call starts it. Only for `real`
 * test files (named `*.real.test.ts`, or under `test/journey` or `test/rig`). Await it at the top of the file, outside tests and
 * hooks: a first start may have to install or build, which no time limit of a test should cut.
 */
export async function rigPart<Name extends keyof PartAddresses>(name: Name): Promise<PartAddresses[Name]> {
  const response = await get(inject('rigSocket'), `/${name}`);
  const answer = await text(response);
  if (response.statusCode !== 200) throw new Error(answer);
  return JSON.parse(answer) as PartAddresses[Name];
}

async function get(socketPath: string, path: string): Promise<IncomingMessage> {
  return await new Promise((resolve, reject) => {
    request({ socketPath, path, agent: false }, resolve).once('error', reject).end();
  });
}
