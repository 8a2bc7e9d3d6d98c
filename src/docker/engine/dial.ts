import { Agent } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import type { EngineCall } from './calls.js';
import { callEngine, type Deadline } from './deadline.js';

/** One request to the engine. */
export interface Dialing extends Deadline {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: object;
  readonly file?: Readable;
}

/** Sends requests to one engine. */
export interface Dial {
  /** The parsed answer. */
  ask<T>(call: EngineCall, dialing: Dialing): Promise<T>;
  /** The answer as it arrives; settles with its headers. */
  stream(call: EngineCall, dialing: Dialing): Promise<Readable>;
  /** Lets go of idle connections. */
  close(): void;
}

/**
 * A line to the engine at `unix:///path` or `tcp://host:port`. Sends nothing yet. The client library is loaded here
 * and not before: it is large. We use the layer below its named calls, since some of these repeat the container's
 * environment in the address, and some parse a job's output that happens to be JSON.
 */
export async function openDial(host: string): Promise<Dial> {
  const { default: Client } = await import('dockerode');
  // One agent of ours, since a new one would not keep its connections. TCP keep-alive notices a host that vanished.
  const agent = new Agent({ keepAlive: true });
  const { modem } = new Client(clientOptions(host, agent));
  return {
    ask: (call, dialing) =>
      callEngine(call, dialing, async (signal) => readJson(await dial(modem, dialing, signal))),
    stream: (call, dialing) => callEngine(call, dialing, (signal) => dial(modem, dialing, signal)),
    close: () => agent.destroy(),
  };
}

/**
 * Every option that the library would otherwise take from the environment is set here, also to undefined: a
 * `DOCKER_HOST` or `DOCKER_CLIENT_TIMEOUT` of the process must not overrule what we were told.
 */
function clientOptions(host: string, agent: Agent): Docker.DockerOptions {
  const unset = { host: undefined, port: undefined, socketPath: undefined, timeout: undefined };
  const url = new URL(host);
  const address =
    url.protocol === 'unix:'
      ? { socketPath: decodeURIComponent(url.pathname) }
      : {
          host: url.hostname.replace(/^\[|\]$/g, ''),
          port: url.port === '' ? 2375 : Number(url.port),
          protocol: 'http',
        };
  return { ...unset, ...address, agent } as object; // Its type knows neither the agent nor undefined, its code does.
}

type Modem = Docker['modem'];

/** Always as a stream: reading whole answers, the library never notices a line that breaks after the headers. */
function dial(modem: Modem, dialing: Dialing, abortSignal: AbortSignal): Promise<Readable> {
  const { method, file } = dialing;
  const request = { method, ...pathOf(dialing), ...(file && { file }) };
  return new Promise((resolve, reject) => {
    modem.dial({ ...request, isStream: true, abortSignal, statusCodes: good } as Request, (error, answer) =>
      error ? reject(error as Error) : resolve(answer as Readable),
    );
  });
}

type Request = Parameters<Modem['dial']>[0];

const good = { 200: true, 201: true, 204: true };

/**
 * The library wants a path that is to have a query to end in a question mark, and cuts the last character off one that
 * ends so without having any. A body goes beside the query, or it would become part of the address.
 */
function pathOf({ path, query, body }: Dialing): { path: string; options?: object } {
  if (body !== undefined) return { path: `${path}?`, options: { _query: query ?? {}, _body: body } };
  return query === undefined ? { path } : { path: `${path}?`, options: { ...query } };
}

/** Undefined for an empty answer. */
async function readJson<T>(answer: Readable): Promise<T> {
  const body = await text(answer);
  return (body === '' ? undefined : JSON.parse(body)) as T; // The engine's own shapes: `facts.ts` reads them with care.
}
