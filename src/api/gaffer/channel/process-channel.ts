// The WebSocket of a process: what it prints comes as frames, and frames go to its standard input; or so with a pipe.

import type { Job } from '../../../job/job.js';
import type { Message, Peer } from '../../http/websocket.js';
import type { AppParts } from '../../parts.js';
import type { ApiContext } from '../../request/env.js';
import { findParent, findProcess } from '../find.js';
import { planOf } from '../supervision/progress.js';
import { problemOf, type WireProblem } from './errors.js';
import { decodeFrame, encodeFrame, type Frame, noId } from './frame.js';
import { type Outputs, outputsOf } from './outputs.js';
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

/** What the path and the query say. */
interface Place {
  readonly pid: string;
  /** Of `redirect_output` or `custom_streams`; undefined: the first of the former. */
  readonly label: string | undefined;
  /** 1: read, 2: write, 3: both. */
  readonly mode: string;
}

/** Who is not known by the request says so in the first frame. */
export async function openProcessChannel(c: ApiContext, parts: AppParts): Promise<Response> {
  const { pid = '', label } = c.req.param() as { pid?: string; label?: string };
  const place = { pid, label, mode: c.req.query('mode') ?? '3' };
  return openChannel(c, parts, (peer, known) => new ProcessChannel(peer, place, parts).run(known));
}

/** What the channel is open for. */
interface Opened extends Outputs {
  readonly job: Job;
  readonly asker: ChannelAsker;
  /** Where the output begins that is sent: what was printed before is at the main API. */
  readonly from: number;
}

class ProcessChannel {
  readonly #peer: Peer;
  readonly #place: Place;
  readonly #parts: AppParts;
  readonly #messages: AsyncIterator<Message>;

  constructor(peer: Peer, place: Place, parts: AppParts) {
    this.#peer = peer;
    this.#place = place;
    this.#parts = parts;
    this.#messages = peer.messages[Symbol.asyncIterator]();
  }

  /** Until the process has ended, the client is gone, or its token is no longer accepted. */
  async run(known: Known | undefined): Promise<void> {
    try {
      const who = known ?? (await this.#askWho());
      if (who === undefined) return;
      const asker = askerOf(who, this.#parts);
      await this.#serve(await asker.inTurn(() => this.#open(asker)), who);
    } catch (error) {
      await this.#tell(problemOf(error), noId);
    }
  }

  async #askWho(): Promise<Known | undefined> {
    const frame = await within(authenticateMs, this.#next());
    const token = frame && tokenIn(Buffer.from(frame.body).toString());
    if (frame === undefined || token === undefined) {
      await this.#tell({ error: 'AUTH_REQUIRED', errno: 403 }, noId);
      return undefined;
    }
    const known = await knownByMessage(token, this.#parts, this.#peer);
    await this.#answer(frame);
    return known;
  }

  async #open(asker: ChannelAsker): Promise<Opened> {
    const job = await findProcess(this.#place.pid, asker);
    const { template } = planOf(await findParent(job, asker));
    const outputs = outputsOf(template.config, this.#place);
    const from = await this.#parts.streams.position(job.id, asker.reach, outputs.pipe);
    return { job, asker, ...outputs, from };
  }

  async #serve(opened: Opened, who: Known): Promise<void> {
    const done = new AbortController();
    const signal = AbortSignal.any([this.#peer.signal, done.signal]);
    const end = () => done.abort();
    const failed: unknown[] = [];
    void untilRefused(who, this.#parts, signal).then(end);
    void this.#takeInput(opened)
      .catch((error: unknown) => failed.push(error))
      .then(end);
    await this.#sendOutput(opened, signal);
    end();
    if (failed.length > 0 && !this.#peer.signal.aborted) throw failed[0];
  }

  async #sendOutput({ job, asker, reads, pipe, from }: Opened, signal: AbortSignal): Promise<void> {
    const { reach, inTurn } = asker;
    for await (const part of this.#parts.streams.follow(job.id, reach, { signal, from, pipe, inTurn })) {
      if (part.kind === 'piece' && reads.has(part.stream))
        await this.#peer.send(encodeFrame('message', part.bytes));
    }
  }

  async #takeInput(opened: Opened): Promise<void> {
    for (let frame = await this.#next(); frame !== undefined; frame = await this.#next())
      await this.#takeFrame(frame, opened);
  }

  /** The bare answer to a token says nothing of it: who is known needs none. */
  async #takeFrame(frame: Frame, { job, asker, writes, pipe }: Opened): Promise<void> {
    if (tokenIn(Buffer.from(frame.body.subarray(0, 8)).toString()) !== undefined) return this.#answer(frame);
    if (!writes) return this.#tell({ error: 'EPERM', errno: 403 }, frame.id);
    try {
      const { reach } = asker;
      await asker.inTurn(() => this.#parts.streams.write(job.id, reach, frame.body, pipe));
      await this.#answer(frame);
    } catch (error) {
      const { details } = problemOf(error);
      await this.#tell({ error: 'EIO', errno: 500, ...(details !== undefined && { details }) }, frame.id);
    }
  }

  /** The next message that is a frame; undefined at the end. */
  async #next(): Promise<Frame | undefined> {
    for (;;) {
      const { done, value } = await this.#messages.next();
      if (done === true) return undefined;
      const frame = decodeFrame(value.data);
      if (frame !== undefined) return frame;
      await this.#tell(
        { error: 'bad_request', errno: 400, details: 'Expected `V1 message id`, a NUL byte and a body.' },
        noId,
      );
    }
  }

  async #answer({ id }: Frame): Promise<void> {
    await this.#peer.send(encodeFrame('response', Buffer.from('OK'), id));
  }

  async #tell(problem: WireProblem, id: string): Promise<void> {
    await this.#peer.send(encodeFrame('error', Buffer.from(JSON.stringify(problem)), id));
  }
}
