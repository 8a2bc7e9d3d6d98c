// Tells a client what it subscribed to: events, what processes use, and what they print.

import { setTimeout as delay } from 'node:timers/promises';
import { BrokenError, RefusedError } from '../../../job/errors.js';
import type { AppParts } from '../../parts.js';
import { showStats } from '../actions.js';
import { fullName } from '../answer.js';
import { type Asker, findParent, findProcess } from '../find.js';
import { toWireStats } from '../stats.js';
import { planOf } from '../supervision/progress.js';
import { ChannelError } from './errors.js';
import { FlapWatch, toWireEvents, type WireEvent } from './event-words.js';
import { nameOf } from './names.js';
import { customLabelsOf, labelsOf, streamsOf } from './outputs.js';
import type { Topic } from './topics.js';
import type { ChannelAsker } from './who.js';

/** Sends one event of a topic: its name, and what is known of it. As slow as the client. */
export type Send = (event: string, facts: object) => Promise<void>;

export interface Subscribing {
  readonly asker: ChannelAsker;
  readonly parts: Pick<AppParts, 'streams'>;
  readonly signal: AbortSignal;
  readonly send: Send;
}

/**
 * Resolves once nothing that happens from then on is missed, to what sends it until the signal fires, or until there is no
 * more. Throws `ChannelError` or `RefusedError` for what is not there.
 */
export async function subscribe(topic: Topic, how: Subscribing): Promise<() => Promise<void>> {
  return how.asker.inTurn(() => prepare(topic, how));
}

async function prepare(topic: Topic, how: Subscribing): Promise<() => Promise<void>> {
  switch (topic.of) {
    case 'events':
      return tellEvents(() => true, how, true);
    case 'job':
      return tellEvents(({ name }) => name === topic.name, how, false);
    case 'process': {
      await findProcess(topic.pid, how.asker);
      return tellEvents(({ pid }) => String(pid) === topic.pid, how, false);
    }
    case 'process_stats':
      return tellStats(() => processStats(topic.pid, how.asker), how);
    case 'job_stats':
      return tellStats(() => showStats(nameOf(topic.name), how.asker), how);
    case 'stream':
      return tellOutput(topic, how);
  }
}

async function tellEvents(
  isWanted: (event: WireEvent) => boolean,
  { asker, parts, signal, send }: Subscribing,
  isTwofold: boolean,
): Promise<() => Promise<void>> {
  const events = await parts.streams.events('gaffer', asker.reach, signal);
  const flaps = new FlapWatch();
  return async () => {
    for await (const event of events)
      for (const each of [...toWireEvents(event), ...flaps.see(event)])
        if (isWanted(each)) for (const name of namesOf(each, isTwofold)) await send(name, each.facts);
  };
}

/** To whoever is told of all jobs the original says most things more than once. */
function namesOf({ word, name, pid, isTwofold }: WireEvent, isAsked: boolean): string[] {
  if (!isTwofold || !isAsked) return [word];
  return [word, `job.${name}.${word}`, ...(pid === undefined ? [] : [`proc.${pid}.${word}`])];
}

const statsMs = 1_000;

/** Asked once before, so that a client is told of what is not there. Ends with the process, or when the job is loaded no more. */
async function tellStats(
  read: () => Promise<object>,
  { asker, signal, send }: Subscribing,
): Promise<() => Promise<void>> {
  await read();
  return async () => {
    while (!signal.aborted) {
      const stats = await asker.inTurn(read).catch(unlessOver);
      if (stats === 'over') return;
      if (stats !== 'away') await send('stat', stats);
      await delay(statsMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  };
}

/** A part that is away will be there again: the client is told the next time. */
function unlessOver(error: unknown): 'over' | 'away' {
  if (error instanceof RefusedError) return 'over';
  if (error instanceof BrokenError) return 'away';
  throw error;
}

export async function processStats(pid: string, asker: Asker) {
  const job = await findProcess(pid, asker);
  const usage = await asker.processes.usage(job.id, asker.reach);
  return { ...toWireStats(usage), pid: Number(pid), os_pid: usage?.osPid ?? 'N/A' };
}

async function tellOutput(
  { pid, label }: { readonly pid: string; readonly label: string | undefined },
  { asker, parts, signal, send }: Subscribing,
): Promise<() => Promise<void>> {
  const job = await findProcess(pid, asker);
  const view = await findParent(job, asker);
  const { config } = planOf(view).template;
  const wanted = label ?? labelsOf(config)[0] ?? '';
  const pipe = customLabelsOf(config).find((custom) => custom === wanted);
  const streams = pipe === undefined ? streamsOf(config, wanted) : new Set(['stdout']);
  if (streams.size === 0) throw new ChannelError({ error: 'stream_not_found', errno: 404 });
  const from = await parts.streams.position(job.id, asker.reach, pipe);
  const facts = { name: fullName(view.label), pid: Number(pid) };
  const { reach, inTurn } = asker;
  return async () => {
    for await (const part of parts.streams.follow(job.id, reach, { signal, from, pipe, inTurn })) {
      if (part.kind === 'piece' && streams.has(part.stream))
        await send(wanted, { ...facts, data: Buffer.from(part.bytes).toString() });
    }
  };
}
