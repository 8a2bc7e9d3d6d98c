// Writes the states of tasks as JSON or XML, and short texts, with exactly the content types that clients compare.

import type { ApiContext } from '../request/env.js';
import type { Format } from './accept.js';
import type { WireState } from './states.js';
import { escapeXml } from './xml-text.js';

const contentTypes: Readonly<Record<Format, string>> = { json: 'application/json', xml: 'application/xml' };
const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>';

export function answerState(c: ApiContext, state: WireState, format: Format): Response {
  return answer(c, format, format === 'json' ? JSON.stringify(state) : declaration + elementOf(state));
}

export function answerStates(c: ApiContext, states: readonly WireState[], format: Format): Response {
  const xml = () => `${declaration}<states>${states.map(elementOf).join('')}</states>`;
  return answer(c, format, format === 'json' ? JSON.stringify({ state: states }) : xml());
}

/** Without parameters: the original's tests compare the whole header. */
function answer(c: ApiContext, format: Format, body: string): Response {
  return c.body(body, 200, { 'content-type': contentTypes[format] });
}

export function answerText(c: ApiContext, text: string): Response {
  return c.body(text, 200, { 'content-type': 'text/plain' });
}

function elementOf({ id, code, description, stdout, stderr }: WireState): string {
  const members = Object.entries({ id, code, description, stdout, stderr });
  return `<state>${members.map(([name, text]) => `<${name}>${escapeXml(text)}</${name}>`).join('')}</state>`;
}
