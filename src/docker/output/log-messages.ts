// Splits the engine's log, read with timestamps, into messages.
import type { OutputPart } from '../../executor/backend.js';
import { EngineError } from '../engine/errors.js';

const headerBytes = 8;
/** Far above any message of a log; a larger one means that we read at the wrong offset. */
const largestMessage = 16 * 1024 * 1024;

/** One message of a log. */
export interface LogMessage extends OutputPart {
  /** As the engine writes it; pieces of one line have the same time. */
  readonly time: string;
}

/**
 * For jobs without a terminal. Each message is complete and may be empty. Throws when the log ends inside a message,
 * contains something that is no message, or carries an error of the engine.
 */
export async function* logMessages(log: AsyncIterable<Uint8Array>): AsyncGenerator<LogMessage> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of log) {
    let at = 0;
    const bytes: Buffer = Buffer.concat([rest, chunk]);
    for (let end = endOf(bytes, at); end !== undefined; end = endOf(bytes, at)) {
      yield toMessage(bytes.subarray(at, end));
      at = end;
    }
    rest = bytes.subarray(at);
  }
  if (rest.byteLength > 0) throw new EngineError('logs', 'cut', 'it ended inside a message');
}

/** Where the message that starts at `at` ends; undefined while it is not complete. */
function endOf(bytes: Buffer, at: number): number | undefined {
  if (bytes.byteLength - at < headerBytes) return undefined;
  const length = bytes.readUInt32BE(at + 4);
  const isMessage = (bytes[at] ?? 0) <= 3 && bytes.readUIntBE(at + 1, 3) === 0;
  if (!isMessage || length > largestMessage)
    throw new EngineError('logs', 'cut', 'it contains something that is no message');
  const end = at + headerBytes + length;
  return end <= bytes.byteLength ? end : undefined;
}

/** Kind 3 is a message of the engine, not of the job. */
function toMessage(message: Buffer): LogMessage {
  const body = message.subarray(headerBytes);
  if (message[0] === 3) throw new EngineError('logs', 'broken', body.toString());
  const space = body.indexOf(' ');
  if (space < 0) throw new EngineError('logs', 'cut', 'a message has no time');
  const time = body.toString('latin1', 0, space);
  return { stream: message[0] === 2 ? 'stderr' : 'stdout', time, bytes: body.subarray(space + 1) };
}
