// The WebSocket of events and commands: JSON texts both ways.

import { RefusedError } from '../../../job/errors.js';
import type { Message, Peer } from '../../http/websocket.js';
import type { AppParts } from '../../parts.js';
import type { ApiContext } from '../../request/env.js';
import { runCommand } from './commands.js';
import { ChannelError, problemOf } from './errors.js';
import { type ClientMessage, readMessage } from './message.js';
import { subscribe } from './subscriptions.js';
import { parseTopic } from './topics.js';
import {
  askerOf,
  authenticateMs,
  type ChannelAsker,
  type Known,
  knownByMessage,
  openChannel,
  tokenIn,
  untilRefused,
} from './who.js';
import { within } from './within.js';

/** Who is not known by the request says so in the first message. */
export async function openEventChannel(c: ApiContext, parts: AppParts): Promise<Response> {
  return openChannel(c, parts, (peer, known) => new EventChannel(peer, parts).run(known));
}

const mostTopics = 100;

class EventChannel {
  readonly #peer: Peer;
  readonly #parts: AppParts;
  readonly #messages: AsyncIterator<Message>;
  readonly #done = new AbortController();
  readonly #signal: AbortSignal;
  /** What ends each subscription. */
  readonly #topics = new Map<string, AbortController>();
  readonly #failed: unknown[] = [];

  constructor(peer: Peer, parts: AppParts) {
    this.#peer = peer;
    this.#parts = parts;
    this.#messages = peer.messages[Symbol.asyncIterator]();
    this.#signal = AbortSignal.any([peer.signal, this.#done.signal]);
  }

  /** Until the client is gone, or its token is no longer accepted. */
  async run(known: Known | undefined): Promise<void> {
    const who = known ?? (await this.#askWho());
    if (who === undefined) return;
    const refused = untilRefused(who, this.#parts, this.#signal);
    try {
      await Promise.race([this.#serve(who), refused]);
    } finally {
      this.#done.abort();
      for (const topic of this.#topics.values()) topic.abort();
    }
    if (this.#failed.length > 0 && !this.#peer.signal.aborted) throw this.#failed[0];
  }

  async #askWho(): Promise<Known | undefined> {
    const first = await within(authenticateMs, this.#messages.next());
    const token = first?.value && tokenIn(textOf(first.value as Message));
    try {
      if (token === undefined) throw new RefusedError('token_missing', 'Expected `AUTH:` and a token first.');
      return await knownByMessage(token, this.#parts, this.#peer);
    } catch (error) {
      if (this.#peer.signal.aborted) return undefined;
      await this.#tell('gaffer:error', { error: 'AUTH_REQUIRED', reason: JSON.stringify(problemOf(error)) });
      return undefined;
    }
  }

  async #serve(known: Known): Promise<void> {
    const asker = askerOf(known, this.#parts);
    for (;;) {
      const { done, value } = await this.#messages.next();
      if (done === true || this.#signal.aborted) return;
      const text = textOf(value);
      if (tokenIn(text) === undefined) await this.#take(await readMessage(text), asker);
    }
  }

  async #take(message: ClientMessage, asker: ChannelAsker): Promise<void> {
    switch (message.event) {
      case 'invalid':
        return this.#tell('gaffer:error', { error: 'invalid_msg', reason: message.reason });
      case 'NOP':
        return undefined;
      case 'SUB':
        return this.#subscribe(message.topic, asker);
      case 'UNSUB':
        this.#topics.get(message.topic)?.abort();
        this.#topics.delete(message.topic);
        return this.#send({ event: 'gaffer:subscription_success', topic: message.topic });
      case 'CMD':
        return this.#command(message, asker);
    }
  }

  async #command(
    { id, name, args, kwargs }: Extract<ClientMessage, { event: 'CMD' }>,
    asker: ChannelAsker,
  ): Promise<void> {
    try {
      const call = { args, kwargs, asker, parts: this.#parts };
      const result = await asker.inTurn(() => runCommand(name, call));
      await this.#tell('gaffer:command_success', { id, result });
    } catch (error) {
      const { error: reason, errno, details } = problemOf(error);
      await this.#tell('gaffer:command_error', { id, error: { errno, reason, ...(details && { details }) } });
    }
  }

  async #subscribe(text: string, asker: ChannelAsker): Promise<void> {
    try {
      if (!this.#topics.has(text)) await this.#begin(text, asker);
      await this.#send({ event: 'gaffer:subscription_success', topic: text });
    } catch (error) {
      const { error: reason } = problemOf(error);
      await this.#send({ event: 'subscription_error', topic: text, data: { reason } });
    }
  }

  async #begin(text: string, asker: ChannelAsker): Promise<void> {
    const topic = parseTopic(text);
    if (topic === undefined) throw new ChannelError({ error: 'invalid_topic', errno: 400 });
    if (this.#topics.size >= mostTopics) throw new ChannelError({ error: 'too_many_topics', errno: 429 });
    const end = new AbortController();
    const signal = AbortSignal.any([this.#signal, end.signal]);
    const send = (event: string, facts: object) =>
      signal.aborted ? Promise.resolve() : this.#tell('gaffer:event', { event, topic: text, ...facts });
    const tell = await subscribe(topic, { asker, parts: this.#parts, signal, send });
    this.#topics.set(text, end);
    void tell().then(
      () => this.#forget(text, end),
      (error: unknown) => {
        this.#failed.push(error);
        this.#done.abort();
      },
    );
  }

  /** There is no more to be told: whoever watches one process after the other has never too many topics. */
  #forget(text: string, end: AbortController): void {
    if (this.#topics.get(text) === end) this.#topics.delete(text);
  }

  async #tell(event: string, data: object): Promise<void> {
    await this.#send({ event, data });
  }

  async #send(message: object): Promise<void> {
    await this.#peer.send(JSON.stringify(message));
  }
}

function textOf({ data }: Message): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
}
