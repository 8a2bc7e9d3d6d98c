// Bounds the long answers under way: how many a caller may take at once, and how many there are in all.
import { RefusedError } from '../../job/errors.js';
import { ownerOf } from '../../job/owner.js';
import type { ApiContext } from '../request/env.js';

/** Each has about one megabyte in memory, whether its client takes it or not. */
export interface LongAnswerLimits {
  readonly perCaller: number;
  readonly inAll: number;
}

/** The long answers of one server. */
export class LongAnswers {
  readonly #limits: LongAnswerLimits;
  readonly #byCaller = new Map<string, number>();
  #inAll = 0;

  constructor(limits: LongAnswerLimits) {
    this.#limits = limits;
  }

  /**
   * Answers with these texts as the client takes them, and asks for the next one only then. Refuses `rate_limited` when the
   * caller takes too many answers already, and `overloaded` when all together do.
   */
  answer(c: ApiContext, texts: AsyncGenerator<string>, contentType: string): Response {
    const headers = { 'content-type': contentType };
    if (c.req.method === 'HEAD') return c.body(null, 200, headers);
    const release = this.#take(ownerOf(c.get('caller')).key);
    outgoingOf(c)?.once('close', release); // However it ends: the stream may never be read.
    return c.body(streamOf(texts, release), 200, headers);
  }

  #take(caller: string): () => void {
    const { perCaller, inAll } = this.#limits;
    const own = this.#byCaller.get(caller) ?? 0;
    if (own >= perCaller) throw tooMany('rate_limited', `${perCaller} long answers at once`);
    if (this.#inAll >= inAll) throw tooMany('overloaded', 'so many long answers to all callers at once');
    this.#byCaller.set(caller, own + 1);
    this.#inAll += 1;
    let isReleased = false;
    return () => {
      if (!isReleased) this.#release(caller);
      isReleased = true;
    };
  }

  #release(caller: string): void {
    const left = (this.#byCaller.get(caller) ?? 0) - 1;
    if (left > 0) this.#byCaller.set(caller, left);
    else this.#byCaller.delete(caller);
    this.#inAll -= 1;
  }
}

function tooMany(code: 'rate_limited' | 'overloaded', limit: string): RefusedError {
  return new RefusedError(
    code,
    `Could not answer: there are ${limit}. Take them to their end, or close their connections, and try again.`,
  );
}

/** Node's own response; undefined for a request that did not come from the network. */
function outgoingOf(c: ApiContext): NodeJS.EventEmitter | undefined {
  return (c.env as { outgoing?: NodeJS.EventEmitter } | undefined)?.outgoing;
}

/** No text is made before it is asked for. */
function streamOf(texts: AsyncGenerator<string>, release: () => void): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await texts.next();
          if (done !== true) return controller.enqueue(Buffer.from(value));
          release();
          controller.close();
        } catch (error) {
          release();
          throw error;
        }
      },
      async cancel() {
        release();
        await texts.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
