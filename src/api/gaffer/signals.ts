// Reads the signal that a request asks for.

import type { AppParts } from '../parts.js';
import type { ApiContext } from '../request/env.js';
import { showText } from '../request/readers.js';
import { answerBad, answerBadRequest } from './errors.js';
import { readObject } from './request.js';
import { parseSignal } from './words.js';

/** Its number, or the answer that refuses it. */
export async function readSignal(c: ApiContext, parts: AppParts): Promise<number | Response> {
  const { signal: given } = await readObject(c, parts);
  if (given === undefined || given === null)
    return answerBadRequest(c, 'signal', 'signal is required, got nothing.');
  const number = parseSignal(given);
  if (number !== undefined) return number;
  const shape = 'a number from 1 to 64 or a name such as HUP or SIGHUP, as on Linux';
  return answerBad(c, 'bad_signal', `signal must be ${shape}, got ${showText(given)}.`);
}
