// Sends HTTP requests to one engine through the client library.
import { Agent } from 'node:http';
import { addAbortSignal, type Duplex, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { finished } from 'node:stream/promises';
import { inspect } from 'node:util';
import type Docker from 'dockerode';
import type { RegistryLogin } from '../../executor/backend.js';
import type { EngineCall } from './calls.js';
import { callEngine, type Deadline } from './deadline.js';
import type { EngineConnection } from './engine.js';
import { toEngineError } from './errors.js';
import { readJsonLines } from './pull-steps.js';

/** One request to the engine, with its limits. */
export interface Dialing extends Deadline {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
  /** Without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: object;
  readonly file?: Readable;
  /** Sent in a header. */
  readonly login?: RegistryLogin | undefined;
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
  /**
   * Sends bytes over a connection that the engine takes as a raw one; settles when the engine has closed its side, which only
   * the signal limits: how long whoever reads them takes is not the engine's business.
   */
  write(call: EngineCall, dialing: Dialing, bytes: Uint8Array): Promise<void>;
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
  const agent = new QuietAgent({ keepAlive: true });
  const modems = {
    any: new Client(clientOptions(host, agent)).modem,
    new: new Client(clientOptions(host, new QuietAgent())).modem,
  };
  const send = (dialing: Dialing, signal: AbortSignal) =>
    dial(modems[dialing.connection ?? 'any'], dialing, signal);
  return {
    ask: (call, dialing) =>
      callEngine(call, dialing, async (signal) => readJson(await send(dialing, signal))),
    list: (call, dialing) =>
      callEngine(call, dialing, async (signal) => readList(await send(dialing, signal))),
    stream: (call, dialing) => callEngine(call, dialing, (signal) => send(dialing, signal)),
    write: async (call, dialing, bytes) => {
      const opening = callEngine(call, dialing, (signal) => hijack(modems.any, dialing, signal));
      await writeTo(await opening, bytes, dialing.signal).catch((error: unknown) => {
        throw toEngineError(call, error);
      });
    },
    close: () => agent.destroy(),
  };
}

/**
 * Prints as a word. The library prints the options of each request for a debug log, whether that is on or not: an agent is
 * printed with all its requests and connections, which took 24 ms of processor time for each of eight requests at once.
 */
class QuietAgent extends Agent {
  [inspect.custom](): string {
    return '[agent]';
  }
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
  const { method, file, login } = dialing;
  const authconfig = login && authOf(login);
  const request = { method, ...pathOf(dialing), ...(file && { file }), ...(authconfig && { authconfig }) };
  return new Promise((resolve, reject) => {
    modem.dial({ ...request, isStream: true, abortSignal, statusCodes: good } as Request, (error, answer) =>
      error ? reject(error as Error) : resolve(answer as Readable),
    );
  });
}

/** Engines that compare addresses send it to no other server; the hub has an address of its own for that. */
function authOf({ registry, username, password, identityToken }: RegistryLogin): object {
  return {
    username,
    password: password?.reveal(),
    identitytoken: identityToken?.reveal(),
    serveraddress: registry === 'docker.io' ? 'https://index.docker.io/v1/' : registry,
  };
}

/**
 * The engine answers with an upgrade, and the connection is ours. The empty body matters: without one the library sends a
 * chunked one, whose end the engine takes for the first bytes of ours, or sends nothing at all.
 */
function hijack(modem: Modem, dialing: Dialing, abortSignal: AbortSignal): Promise<Duplex> {
  const request = { method: dialing.method, ...pathOf(dialing), hijack: true, file: Buffer.alloc(0) };
  return new Promise((resolve, reject) => {
    modem.dial({ ...request, isStream: true, abortSignal, statusCodes: good } as Request, (error, answer) =>
      error ? reject(error as Error) : resolve(answer as Duplex),
    );
  });
}

/** The engine closes its side when it has read ours to the end. */
async function writeTo(
  connection: Duplex,
  bytes: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    if (signal !== undefined) addAbortSignal(signal, connection);
    connection.resume();
    connection.end(bytes);
    await finished(connection);
  } finally {
    connection.destroy();
  }
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
