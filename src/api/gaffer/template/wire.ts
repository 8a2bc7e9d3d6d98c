// The fields of a gaffer job as they may be written, and what each of them reads as.

import { secretFileTypes } from '../../../job/job.js';
import {
  amount,
  type Fields,
  flag,
  isObject,
  listOf,
  mapOf,
  note,
  parsed,
  type Read,
  readFields,
  showText,
  text,
  whole,
} from '../../request/readers.js';
import { variable } from '../../request/variables.js';

/** Each is a job of stint. */
export const mostProcesses = 1000;
const highestId = 2 ** 31 - 1;
const longestSeconds = 86_400;

const nameShape = '1 to 255 characters without `.`, `/` and control characters';

/** Completes "… must be"; undefined where the name of a session or a job is good. The full name has both, joined by a dot. */
export function findNameProblem(name: string): string | undefined {
  return name !== '' && name.length <= 255 && !/[./\p{Cc}\u2028\u2029]/u.test(name) ? undefined : nameShape;
}

const label: Read<string> = parsed(nameShape, (given) =>
  findNameProblem(given) === undefined && given.isWellFormed() ? given : undefined,
);

/** An empty word is a word. */
const word: Read<string> = (value, place, problems) => (value === '' ? '' : text(value, place, problems));
const words: Read<string | readonly string[]> = (value, place, problems) =>
  typeof value === 'string' ? text(value, place, problems) : listOf(word)(value, place, problems);

/** The original failed at the start of a job whose environment had a `null`. */
export const variables = mapOf<string>((name) => (value, place, problems) => {
  if (value === null) return note(problems, place, 'a text, a number, `true` or `false`', 'nothing');
  return variable(name)(value, place, problems);
});

/** A name would have to be looked up in an image that is not there yet. */
const id: Read<number> = (value, place, problems) => {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  const fits = typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= highestId;
  return fits ? number : note(problems, place, `a number from 0 to ${highestId}`, showText(value));
};

export const seconds: Read<number> = (value, place, problems) => {
  const given = amount(value, place, problems);
  if (given === undefined || given <= longestSeconds) return given;
  return note(problems, place, `a number of seconds up to ${longestSeconds}`, String(given));
};

/** The brake of a job whose processes keep ending, as it may be written. What is left out is as in the original. */
const flappingShape = {
  attempts: whole(1, 100),
  window: seconds,
  retry_in: seconds,
  max_retry: whole(0, 1_000_000),
};
const flapping: Read<Fields<typeof flappingShape>> = (value, place, problems) => {
  if (!isObject(value)) return note(problems, place, 'an object', showText(value));
  return readFields(value, flappingShape, { inside: ` in ${place}`, problems });
};

/** Whatever is in such a list is refused later; an empty one is none. */
const list: Read<readonly unknown[]> = (value, place, problems) =>
  Array.isArray(value) ? value : note(problems, place, 'a list', showText(value));

/** Accepted and shown again, and nothing more. */
const ignored: Read<never> = () => undefined;

/** All fields of a job that are looked at; others are only shown again. */
export const jobShape = {
  name: label,
  cmd: text,
  args: words,
  env: variables,
  uid: id,
  gid: id,
  cwd: text,
  detach: flag,
  shell: flag,
  redirect_output: listOf(text),
  redirect_input: flag,
  custom_streams: listOf(text),
  custom_channels: list,
  start: flag,
  numprocesses: whole(0, mostProcesses),
  os_env: flag,
  flapping,
  graceful_timeout: seconds,
  priority: ignored,
  group: ignored,
  image: text,
  container_image: text,
  wrap_secret_id: text,
  secret_refs: listOf(word),
  secret_file_type: parsed(`one of ${secretFileTypes.join(', ')}`, (given) =>
    secretFileTypes.find((each) => each === given),
  ),
  cont_on_warnings: flag,
  registry_ref: text,
} as const;

export type WireJob = Fields<typeof jobShape>;
