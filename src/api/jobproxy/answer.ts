// Writes the states of tasks as JSON or XML, and short texts, with exactly the content types that clients compare.

import type { Job } from '../../job/job.js';
import type { LongOutput } from '../../queue/queue.js';
import { inJsonString, textPieces } from '../http/text-pieces.js';
import type { ApiContext } from '../request/env.js';
import type { Format } from './accept.js';
import { toWireFacts, type WireState } from './states.js';
import { escapeXml } from './xml-text.js';

/** Without parameters: the original's tests compare the whole header. */
export const contentTypes: Readonly<Record<Format, string>> = {
  json: 'application/json',
  xml: 'application/xml',
};
const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';

export function answerState(c: ApiContext, state: WireState, format: Format): Response {
  return answer(c, format, format === 'json' ? JSON.stringify(state) : declaration + elementOf(state));
}

/** The state of a task whose output is long, as text in pieces; its type is `contentTypes[format]`. */
export async function* statePieces(job: Job, long: LongOutput, format: Format): AsyncGenerator<string> {
  const facts = toWireFacts(job, long);
  const isJson = format === 'json';
  const encode = isJson ? inJsonString : escapeXml;
  yield isJson ? JSON.stringify(facts).slice(0, -1) : `${declaration}<state>${membersOf(facts)}`;
  for (const name of ['stdout', 'stderr'] as const) {
    yield isJson ? `,"${name}":"` : `<${name}>`;
    yield* textPieces(long.pieces(name), encode);
    yield isJson ? '"' : `</${name}>`;
  }
  yield isJson ? '}' : '</state>';
}

export function answerStates(c: ApiContext, states: readonly WireState[], format: Format): Response {
  const xml = () => `${declaration}<states>${states.map(elementOf).join('')}</states>`;
  return answer(c, format, format === 'json' ? JSON.stringify({ state: states }) : xml());
}

function answer(c: ApiContext, format: Format, body: string): Response {
  return c.body(body, 200, { 'content-type': contentTypes[format] });
}

export function answerText(c: ApiContext, text: string): Response {
  return c.body(text, 200, { 'content-type': 'text/plain' });
}

function elementOf({ id, code, description, stdout, stderr }: WireState): string {
  return `<state>${membersOf({ id, code, description, stdout, stderr })}</state>`;
}

function membersOf(members: Readonly<Record<string, string>>): string {
  return Object.entries(members)
    .map(([name, text]) => `<${name}>${escapeXml(text)}</${name}>`)
    .join('');
}
