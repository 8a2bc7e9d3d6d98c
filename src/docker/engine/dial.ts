// Sends HTTP requests to one engine through the client library.
import { Agent } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type Docker from 'dockerode';
import type { EngineCall } from './calls.js';
import { callEngine, type Deadline } from './deadline.js';
import type { EngineConnection } from './engine.js';
import { readJsonLines } from './pull-steps.js';

/** One request to the engine, with its limits. */
export interface Dialing extends Deadline {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: object;
  readonly file?: Readable;
  /** `any` by default. */
  readonly connection?: EngineConnection;
}

/** The connection to one engine. */
export interface Dial {
  /** The parsed answer. */
  ask<T>(call: EngineCall, dialing: Dialing): Promise<T>;
  /** The objects of an answer with one JSON object a line; settles when the answer is complete. */
  list(call: EngineCall, dialing: Dialing): Promise<object[]>;
  /** The answer as a stream; settles when its headers arrive. */
  stream(call: EngineCall, dialing: Dialing): Promise<Readable>;
  /** Closes idle connections. */
  close(): void;
}

/**
 * Opens the connection to the engine at `unix:///path` or `tcp://host:port`. Sends no request yet. The client library
 * is large, so it is loaded only here. We use the layer below its named methods, because some of these put the
 * container's environment into the URL, and some parse a job's output that happens to be JSON.
 */
export async function openDial(host: string): Promise<Dial> {
  const { default: Client } = await import('dockerode');
  // One agent for all requests keeps the connections. TCP keep-alive detects a host that is gone.
  const agent = new Agent({ keepAlive: true });
  const modems = {
    any: new Client(clientOptions(host, agent)).modem,
    new: new Client(clientOptions(host, new Agent())).modem,
  };
  const send = (dialing: Dialing, signal: AbortSignal) =>
    dial(modems[dialing.connection ?? 'any'], dialing, signal);
  return {
    ask: (call, dialing) =>
      callEngine(call, dialing, async (signal) => readJson(await send(dialing, signal))),
    list: (call, dialing) =>
      callEngine(call, dialing, async (signal) => readList(await send(dialing, signal))),
    stream: (call, dialing) => callEngine(call, dialing, (signal) => send(dialing, signal)),
    close: () => agent.destroy(),
  };
}

/**
 * Sets every option that the library would otherwise take from the environment, if only to undefined: `DOCKER_HOST` or
 * `DOCKER_CLIENT_TIMEOUT` of the process must not override our settings.
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
  // The type allows neither the agent nor undefined, but the code does.
  return { ...unset, ...address, agent } as object;
}

type Modem = Docker['modem'];

/** Always as a stream: when the library reads a whole answer, it misses a connection that breaks after the headers. */
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
 * The library needs a question mark at the end of a path that gets a query, and cuts the last character off a path that
 * ends in one without a query. Query and body are passed separately, or each would become part of the other. An empty object is
 * sent as no body.
 */
function pathOf({ path, query, body }: Dialing): { path: string; options?: object } {
  if (query === undefined && body === undefined) return { path };
  return { path: `${path}?`, options: { _query: query ?? {}, _body: body ?? {} } };
}

/** Undefined for an empty answer. */
async function readJson<T>(answer: Readable): Promise<T> {
  const body = await text(answer);
  return (body === '' ? undefined : JSON.parse(body)) as T; // `facts.ts` checks the shape of what it uses.
}

async function readList(answer: Readable): Promise<object[]> {
  const found: object[] = [];
  for await (const line of readJsonLines(answer)) found.push(line);
  return found;
}
