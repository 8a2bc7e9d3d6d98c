import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket } from 'ws';

/** What came of a WebSocket, until it is closed. */
class Socket implements AsyncDisposable {
  protected readonly socket: WebSocket;
  readonly received: Buffer[] = [];
  /** The code of the close; undefined while it is open. */
  closed: number | undefined;

  constructor(url: string, headers: Readonly<Record<string, string>>) {
    this.socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
    this.socket.on('message', (data: Buffer) => this.received.push(data));
    this.socket.on('close', (code) => {
      this.closed = code;
    });
    this.socket.on('error', () => undefined);
  }

  async opened(): Promise<this> {
    await once(this.socket, 'open');
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.closed !== undefined) return;
    const closed = once(this.socket, 'close');
    this.socket.close();
    await closed;
  }
}

export interface GafferFrame {
  readonly type: string;
  readonly id: string;
  readonly body: string;
}

/** Speaks to one process as gaffer's own client does. */
export class ProcessSocket extends Socket {
  /** The frames that came, in their order. */
  get frames(): GafferFrame[] {
    return this.received.map((data) => {
      const end = data.indexOf(0);
      const [, type = '', id = ''] = data.subarray(0, end).toString().split(' ');
      return { type, id, body: data.subarray(end + 1).toString() };
    });
  }

  /** All that the process printed since it was opened. */
  get printed(): string {
    return this.frames
      .filter(({ type }) => type === 'message')
      .map(({ body }) => body)
      .join('');
  }

  /** Sends, and returns the id by which the answer is known. */
  write(body: string): string {
    const id = randomUUID().replaceAll('-', '');
    this.socket.send(`V1 message ${id}\0${body}`);
    return id;
  }

  answerTo(id: string): string | undefined {
    return this.frames.find((frame) => frame.id === id)?.body;
  }
}

interface GafferMessage {
  readonly event: string;
  readonly topic?: string;
  readonly data?: Readonly<Record<string, unknown>>;
}

/** Subscribes and commands as gaffer's own client does. */
export class EventSocket extends Socket {
  get messages(): GafferMessage[] {
    return this.received.map((data) => JSON.parse(data.toString()) as GafferMessage);
  }

  /** What came for a topic, by the names of the events. */
  events(topic: string): string[] {
    return this.told(topic).map(({ event }) => String(event));
  }

  told(topic: string): Readonly<Record<string, unknown>>[] {
    return this.messages.flatMap(({ event, data }) =>
      event === 'gaffer:event' && data?.['topic'] === topic ? [data] : [],
    );
  }

  say(message: object | string): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  subscribe(topic: string): void {
    this.say({ event: 'SUB', data: { topic } });
  }

  /** Sends a command, and returns the id by which the answer is known. */
  command(name: string, args: readonly unknown[] = [], kwargs: object = {}): string {
    const identity = randomUUID();
    this.say({ event: 'CMD', data: { identity, name, args, kwargs } });
    return identity;
  }

  resultOf(identity: string): unknown {
    const found = this.messages.find(({ data }) => data?.['id'] === identity);
    return found?.data?.['result'] ?? found?.data?.['error'];
  }
}
