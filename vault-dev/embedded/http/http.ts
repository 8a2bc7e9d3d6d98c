import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { answerStrangeMethods } from '../auth/list-method.js';
import type { Core } from '../core.js';
import { type Fault, Faults } from '../faults.js';
import { type Ask, parseBody, readAsk, type Sent } from './ask.js';
import { type Answer, bodyText } from './frame.js';
import { Refusal } from './reply.js';

/** The server in front of the core, and the faults that it plays. */
export class VaultHttp implements AsyncDisposable {
  readonly faults = new Faults();
  readonly #core: Core;
  readonly #server: Server;
  readonly #ending = new AbortController();

  constructor(core: Core) {
    this.#core = core;
    this.#server = createServer(async (incoming, outgoing) => {
      const { method = '', url = '/', headers } = incoming;
      const bytes = await buffer(incoming).catch(() => undefined); // Who hangs up while asking asks for nothing.
      const answer = bytes && (await this.#carryOut({ method, url, headers, bytes }));
      if (answer === undefined) return void incoming.socket.destroy();
      outgoing.writeHead(answer.status, answerHeaders);
      outgoing.end(bodyText(answer));
    });
    answerStrangeMethods(this.#server, (sent) => this.#carryOut(sent));
  }

  /** On loopback and nowhere else. */
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

  /** Undefined: the connection is to be cut. */
  async #carryOut(sent: Sent): Promise<Answer | undefined> {
    const ask = readAsk(sent);
    const { method, path, token } = ask;
    const fault = this.faults.take({ method, path, token: token === '' ? undefined : token });
    if (fault?.kind === 'refuse') return undefined;
    const answer = spoiled(fault) ?? this.#answer(ask, sent.bytes);
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

/** What a fault answers in Vault's place. */
function spoiled(fault: Fault | undefined): Answer | undefined {
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

/** Ends early, and quietly, when the server ends. */
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
