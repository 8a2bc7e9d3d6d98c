// Connects to a Docker engine and checks that it answers.
import { request } from 'node:http';
import Docker from 'dockerode';

/** A client for the engine at this address. */
export function connectDocker(dockerHost: string): Docker {
  if (dockerHost.startsWith('unix://')) return new Docker({ socketPath: dockerHost.slice('unix://'.length) });
  const url = new URL(dockerHost);
  return new Docker({ host: url.hostname, port: url.port === '' ? 2375 : Number(url.port) });
}

/** Checks that the engine answers. Returns the error; undefined means that it answers. */
export async function pingEngine(dockerHost: string): Promise<NodeJS.ErrnoException | undefined> {
  return await new Promise((resolve) => {
    const call = request({ ...addressOf(dockerHost), path: '/_ping', agent: false, timeout: PING_LIMIT_MS });
    call.once('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : new Error(`it answered ${response.statusCode}`));
    });
    call.once('timeout', () => call.destroy(new Error(`no answer within ${PING_LIMIT_MS} ms`)));
    call.once('error', resolve);
    call.end();
  });
}

function addressOf(dockerHost: string): { socketPath: string } | { host: string; port: string } {
  if (dockerHost.startsWith('unix://')) return { socketPath: dockerHost.slice('unix://'.length) };
  const { hostname, port } = new URL(dockerHost);
  return { host: hostname, port: port === '' ? '2375' : port };
}

const PING_LIMIT_MS = 3000;
