// Reads request bodies with a limit on their size.
import { RefusedError } from '../../job/errors.js';
import type { MemoryBudget, Taken } from '../../job/payload/memory-budget.js';
import type { ApiContext, ApiMiddleware } from './env.js';

const smallestBufferBytes = 16 * 1024;

/**
 * Refuses a body whose declared length is too large, before anything else is done for the request. What its body takes of the
 * memory that there is for all of them is given back when it is answered.
 */
export function limitBodies(limitBytes: number, memory: MemoryBudget): ApiMiddleware {
  return async (c, next) => {
    const declared = declaredBytes(c);
    if (declared > limitBytes) throw tooLarge(limitBytes, `${declared}`);
    const taken = memory.open();
    c.set('memory', taken);
    try {
      await next();
    } finally {
      taken.release();
    }
  };
}

/** While a job is read from a body and stored it takes less than so many times the size of the body. */
const workFactor = 4;
/** Bodies up to this size are not counted: a node takes very many of them. */
const smallBytes = 64 * 1024;

/**
 * The bytes of the body, whatever its content type. Its size is counted while it is read, because a chunked body declares no
 * length. What exceeds the limit is read and dropped: a client that is still sending would not read the answer, and
 * the connection could not be reused. The HTTP server closes it if that takes too long.
 */
export async function readBody(c: ApiContext, limitBytes: number): Promise<Buffer> {
  const memory = c.get('memory');
  const bytes = await collect(c.req.raw.body, { limitBytes, declared: declaredBytes(c), memory });
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Far more than the fields of a job can use: its arguments and variables may take 2 MiB. */
const mostFieldBytes = 4 * 1024 * 1024;

/** A body that has the fields of a job and no content. */
export function readFieldsBody(c: ApiContext, limitBytes: number): Promise<Buffer> {
  return readBody(c, Math.min(limitBytes, mostFieldBytes));
}

/** 0 where the length is not declared: the body comes in chunks. */
function declaredBytes(c: ApiContext): number {
  return Number(c.req.header('content-length') ?? 0);
}

interface Sizes {
  readonly limitBytes: number;
  readonly declared: number;
  readonly memory: Taken | undefined;
}

/** One growing buffer: with a list of chunks, a client that sends single bytes could fill the memory with chunk objects. */
async function collect(
  stream: ReadableStream<Uint8Array> | null,
  { limitBytes, declared, memory }: Sizes,
): Promise<Uint8Array> {
  if (stream === null) return new Uint8Array();
  const reader = stream.getReader();
  let buffer = new Uint8Array(0);
  let size = 0;
  let counted = smallBytes;
  for (;;) {
    const { done, value } = await nextChunk(reader);
    if (done) return buffer.subarray(0, size);
    if (size + value.length > limitBytes) {
      void drop(reader);
      throw tooLarge(limitBytes, 'more');
    }
    if (size + value.length > counted) {
      const more = Math.max(smallBytes, size + value.length - counted);
      if (memory?.take(workFactor * more) === false) {
        void drop(reader);
        throw overloaded();
      }
      counted += more;
    }
    buffer = withRoom(buffer, { used: size, more: value.length, expected: declared });
    buffer.set(value, size);
    size += value.length;
  }
}

const mostDroppedBytes = 64 * 1024 * 1024;

/** Reads on and drops what comes. Never throws: when the connection breaks there is nothing left to drop. */
async function drop(reader: Reader): Promise<void> {
  let dropped = 0;
  try {
    while (dropped < mostDroppedBytes) {
      const { done, value } = await reader.read();
      if (done) return;
      dropped += value.length;
    }
  } catch {
    return;
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

async function nextChunk(reader: Reader): Promise<Awaited<ReturnType<Reader['read']>>> {
  try {
    return await reader.read();
  } catch (error) {
    throw new RefusedError('invalid_request', 'Could not read the body: it broke off.', { cause: error });
  }
}

/** The expected size at once: doubling would copy a large body and hold it twice. The system gives pages when they are filled. */
function withRoom(
  buffer: Uint8Array<ArrayBuffer>,
  { used, more, expected }: { used: number; more: number; expected: number },
): Uint8Array<ArrayBuffer> {
  if (used + more <= buffer.length) return buffer;
  const larger = new Uint8Array(Math.max(smallestBufferBytes, used + more, 2 * buffer.length, expected));
  larger.set(buffer.subarray(0, used));
  return larger;
}

function tooLarge(limitBytes: number, got: string): RefusedError {
  return new RefusedError(
    'body_too_large',
    `Expected the body to be at most ${limitBytes} bytes long, got ${got}.`,
  );
}

function overloaded(): RefusedError {
  return new RefusedError(
    'overloaded',
    'Could not take the body: this server works on as many large ones as it may. Send it again later.',
  );
}
