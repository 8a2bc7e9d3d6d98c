// Sends requests as GoStint's own client does, for the tests of that client.
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { text } from 'node:stream/consumers';

/** JSON as Go writes it. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(/[<>&\u2028\u2029]/g, escaped);
}

function escaped(letter: string): string {
  return `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

type Headers = Readonly<Record<string, string>>;

/** Sends requests with the headers of Go's HTTP client. */
export class Wire {
  readonly #agents: Agent[] = [];

  get(url: string, headers: Headers): Promise<unknown> {
    return this.#ask('GET', url, headers);
  }

  put(url: string, headers: Headers, body: unknown): Promise<unknown> {
    return this.#ask('PUT', url, headers, toJson(body));
  }

  post(url: string, headers: Headers, body: unknown): Promise<unknown> {
    return this.#ask('POST', url, headers, toJson(body));
  }

  /** Connections stay open until the client ends. */
  hangUp(): void {
    for (const agent of this.#agents) agent.destroy();
  }

  async #ask(method: string, url: string, headers: Headers, body?: string): Promise<unknown> {
    const answer = await this.#send(method, url, headersOf(url, headers, body), body);
    const answered = await text(answer);
    const isOfVault = headers['X-Auth-Token'] === undefined;
    if (isOfVault && (answer.statusCode ?? 0) >= 300)
      throw new Error(`Could not ${method} ${url}: Vault answered ${answer.statusCode} ${answered}.`);
    return answered === '' ? undefined : JSON.parse(answered);
  }

  /** On a new connection. */
  async #send(method: string, url: string, headers: Headers, body?: string): Promise<IncomingMessage> {
    const isTls = url.startsWith('https:');
    const agent = isTls
      ? new TlsAgent({ keepAlive: true, rejectUnauthorized: false })
      : new Agent({ keepAlive: true });
    this.#agents.push(agent);
    const sent = (isTls ? tlsRequest : request)(url, { method, agent, headers });
    sent.removeHeader('Connection');
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return answer;
  }
}

/** In the order in which Go sends them. */
function headersOf(url: string, headers: Headers, body: string | undefined): Headers {
  return {
    Host: new URL(url).host,
    'User-Agent': 'Go-http-client/1.1',
    ...(body !== undefined && { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
    'Accept-Encoding': 'gzip',
  };
}
