// Reads what a client says on the WebSocket of events and commands.

import { parseJson } from '../../request/json.js';
import { isObject } from '../../request/readers.js';

export type ClientMessage =
  | { readonly event: 'NOP' }
  | { readonly event: 'SUB' | 'UNSUB'; readonly topic: string }
  | {
      readonly event: 'CMD';
      /** The client's own, which the answer has. */
      readonly id: unknown;
      readonly name: string;
      readonly args: readonly unknown[];
      readonly kwargs: Readonly<Record<string, unknown>>;
    }
  /** In the original's words. */
  | { readonly event: 'invalid'; readonly reason: string };

/** Bounded like any body: no message costs more than its bytes. */
export async function readMessage(text: string): Promise<ClientMessage> {
  const parsed = await parseJson(Buffer.from(text), 'the message', { isShort: true });
  if ('problem' in parsed) return invalid('invalid_json');
  const message = isObject(parsed.value) ? parsed.value : {};
  const { event, data } = message;
  if (event === undefined) return invalid('event_missing');
  if (event === 'NOP') return { event };
  if (!isObject(data)) return invalid('data_missing');
  if (event === 'SUB' || event === 'UNSUB') return readTopic(event, data);
  return event === 'CMD' ? readCommand(data) : invalid('unknown_cmd');
}

function readTopic(event: 'SUB' | 'UNSUB', { topic }: Readonly<Record<string, unknown>>): ClientMessage {
  return topic === undefined
    ? invalid('topic_missing')
    : { event, topic: textOf(topic).slice(0, longestTopic) };
}

const longestTopic = 1_000;

function readCommand({ identity, name, args, kwargs }: Readonly<Record<string, unknown>>): ClientMessage {
  if (name === undefined) return invalid('cmd_name_mssing');
  if (identity === undefined) return invalid('cmd_identity_missing');
  return {
    event: 'CMD',
    id: identity,
    name: textOf(name),
    args: Array.isArray(args) ? args : [],
    kwargs: isObject(kwargs) ? kwargs : {},
  };
}

/** What is no text is the name of nothing. Not by `String`, which asks an object that a client made. */
function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The original spells one of them so. */
function invalid(reason: string): ClientMessage {
  return { event: 'invalid', reason };
}
