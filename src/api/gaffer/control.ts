// Routes that control a loaded job: state, number of processes, signals, stats.

import type { AppParts } from '../parts.js';
import type { ApiContext } from '../request/env.js';
import { showText } from '../request/readers.js';
import { scaleJob, showStats, signalAll } from './actions.js';
import { toWireForeign, toWireJob } from './answer.js';
import { answerBad, answerBadRequest, answerJson, answerText } from './errors.js';
import { find, findLoaded, revise } from './find.js';
import { type Add, askerOf, nameIn, readObject, readWord } from './request.js';
import { readSignal } from './signals.js';
import { reload, start, stop } from './supervision/changes.js';
import { parseScale } from './words.js';

export function addControl(add: Add, parts: AppParts): void {
  const job = '/jobs/:session/:label';
  add(`${job}/state`, { GET: (c) => showState(c, parts), POST: (c) => setState(c, parts) });
  add(`${job}/numprocesses`, { GET: (c) => showTarget(c, parts), POST: (c) => setTarget(c, parts) });
  add(`${job}/signal`, { POST: (c) => signal(c, parts) });
  add(`${job}/stats`, { GET: (c) => stats(c, parts) });
}

async function showState(c: ApiContext, parts: AppParts): Promise<Response> {
  const found = await find(nameIn(c), askerOf(c, parts));
  const { active } = found.kind === 'loaded' ? toWireJob(found.view) : toWireForeign(found.job);
  return answerText(c, active ? '1' : '0');
}

const states = {
  '0': ['gaffer_stopped', stop],
  '1': ['gaffer_started', start],
  '2': ['gaffer_reloaded', reload],
} as const;

async function setState(c: ApiContext, parts: AppParts): Promise<Response> {
  const word = await readWord(c, parts);
  if (word !== '0' && word !== '1' && word !== '2')
    return answerBad(c, 'bad_value', `Expected the body to be 1, 0 or 2, got ${showText(word)}.`);
  const asker = askerOf(c, parts);
  const [what, change] = states[word];
  await revise(await findLoaded(nameIn(c), asker), what, { asker, change });
  return answerJson(c, { ok: true }, 202);
}

async function showTarget(c: ApiContext, parts: AppParts): Promise<Response> {
  const found = await find(nameIn(c), askerOf(c, parts));
  const { max_processes: numprocesses } =
    found.kind === 'loaded' ? toWireJob(found.view) : toWireForeign(found.job);
  return answerJson(c, { numprocesses });
}

/** The answer is the new target. */
async function setTarget(c: ApiContext, parts: AppParts): Promise<Response> {
  const { scale: given } = await readObject(c, parts);
  const scaling = parseScale(given);
  if (scaling === undefined)
    return answerBadRequest(
      c,
      'scale',
      `scale must be a whole number, or a text such as "+2", "-1" or "=3", got ${showText(given)}.`,
    );
  const asker = askerOf(c, parts);
  const view = await findLoaded(nameIn(c), asker);
  return answerJson(c, { numprocesses: await scaleJob(view, scaling, asker) });
}

async function signal(c: ApiContext, parts: AppParts): Promise<Response> {
  const read = await readSignal(c, parts);
  if (read instanceof Response) return read;
  const asker = askerOf(c, parts);
  const view = await findLoaded(nameIn(c), asker);
  await signalAll(view, read, asker);
  return answerJson(c, { ok: true }, 202);
}

async function stats(c: ApiContext, parts: AppParts): Promise<Response> {
  return answerJson(c, await showStats(nameIn(c), askerOf(c, parts)));
}
