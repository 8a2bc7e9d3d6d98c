// The HTTP server of the embedded Vault, and the faults it injects.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { answerListMethod } from '../auth/list-method.js';
import type { Core } from '../core.js';
import { type Fault, Faults } from '../faults.js';
import { type Ask, parseBody, readAsk, type Sent } from './ask.js';
import { type Answer, bodyText } from './frame.js';
import { Refusal } from './reply.js';

/** The HTTP server in front of the core. `faults` are applied before it. */
export class VaultHttp implements AsyncDisposable {
  readonly faults = new Faults();
  readonly #core: Core;
  readonly #server: Server;
  readonly #ending = new AbortController();

  constructor(core: Core) {
    this.#core = core;
    this.#server = createServer(async (incoming, outgoing) => {
      const { method = '', url = '/', headers } = incoming;
      const bytes = await buffer(incoming).catch(() => undefined); // The client closed the connection before it sent everything.
      const answer = bytes && (await this.#carryOut({ method, url, headers, bytes }));
      if (answer === undefined) return void incoming.socket.destroy();
      outgoing.writeHead(answer.status, answerHeaders);
      outgoing.end(bodyText(answer));
    });
    answerListMethod(this.#server, (sent) => this.#carryOut(sent));
  }

  /** Listens on loopback only. Returns the address. */
  async listen(port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Undefined means that the connection must be cut. */
  async #carryOut(sent: Sent): Promise<Answer | undefined> {
    const ask = readAsk(sent);
    const { method, path, token } = ask;
    const fault = this.faults.take({ method, path, token: token === '' ? undefined : token });
    if (fault?.kind === 'refuse') return undefined;
    const answer = faultAnswer(fault) ?? this.#answer(ask, sent.bytes);
    if (fault?.kind === 'slow') await pause(fault.ms, this.#ending.signal);
    return fault?.kind === 'forget' ? undefined : answer;
  }

  #answer(ask: Omit<Ask, 'body'>, bytes: Buffer): Answer {
    try {
      return this.#core.answer({ ...ask, body: parseBody(bytes) });
    } catch (error) {
      return refused(error);
    }
  }
}

const answerHeaders = { 'Cache-Control': 'no-store', 'Content-Type': 'application/json' };

/** The answer of a fault, if it has one. */
function faultAnswer(fault: Fault | undefined): Answer | undefined {
  if (fault?.kind === 'sealed') return { status: 503, body: { errors: ['Vault is sealed'] } };
  if (fault?.kind === 'forbidden') {
    return { status: 403, body: { errors: ['1 error occurred:\n\t* permission denied\n\n'] } };
  }
  return undefined;
}

function refused(error: unknown): Answer {
  if (error instanceof Refusal) return { status: error.status, body: { errors: error.errors } };
  console.error('The embedded Vault failed:', error);
  return { status: 500, body: { errors: ['internal error'] } };
}

/** Ends early, without an error, when the server is stopped. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = () => {
      clearTimeout(timer);
      resolve();
    };
    signal.addEventListener('abort', end, { once: true });
  });
}
