// Turns the `cmd` of a task into the arguments that a container gets.

import { isGiven, type Place, readTexts } from './values.js';

/**
 * A text is a line for a shell; a list is the command itself. A list of one entry counts as a text, because XML cannot tell
 * the two apart. An empty list counts as not given: some clients write it for a field that was not set.
 */
export function readCommand(value: unknown, place: Place): readonly string[] | undefined {
  const texts = readTexts(value, place);
  const [first] = texts ?? [];
  if (texts === undefined || first === undefined) return undefined;
  if (first === '')
    place.problems.tooShort(Array.isArray(value) && value.length > 1 ? `${place.field}[0]` : place.field);
  return texts.length === 1 ? ['/bin/sh', '-c', first] : texts;
}

/** Whether a `cmd` says anything. */
export function hasCommand(value: unknown): boolean {
  return isGiven(value) && !(Array.isArray(value) && value.length === 0);
}
