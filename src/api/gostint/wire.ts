// GoStint's JSON formats: zod schemas for what arrives, types for what is answered.

import { z } from 'zod';
import { pullPolicies, secretFileTypes } from '../../job/job.js';
import { longTextBytes } from '../../job/payload/long-text.js';
import { describe, isWellFormed, quote } from '../request/sentence.js';
import { matchNames } from './names.js';

/**
 * Each `error` says what was expected; `readShape` makes a sentence of it. Go's encoder writes a field that was not set
 * as `null` or, for a choice, as an empty text, so both are accepted.
 */
const text = z
  .string({ error: ({ input }) => aText(input) })
  .refine(isWellFormed, { error: 'well-formed text' });
/** A long one is left as its bytes. */
const longText = z.union([z.instanceof(Uint8Array), text], { error: 'a text' });
const texts = z.unknown().transform((value, context): string[] => {
  if (!Array.isArray(value)) return refuse(context, value, 'a list of texts');
  for (const { index, expected } of firstWrongTexts(value)) refuse(context, value[index], expected, [index]);
  return value as string[]; // Refused where it is not.
});
const flag = z.boolean({ error: '`true` or `false`' });

function aText(input: unknown): string {
  return input instanceof Uint8Array ? `a text of at most ${longTextBytes} bytes` : 'a text';
}

type Refinement = z.core.ParsePayload<unknown>;

function refuse({ issues }: Refinement, input: unknown, message: string, path: number[] = []): never {
  issues.push({ code: 'custom', input, message, path });
  return z.NEVER;
}

/** Enough to see what is wrong, and one more than is told: a list may hold as many wrong entries as a body has room for. */
const mostWrong = 6;

function firstWrongTexts(list: readonly unknown[]): { index: number; expected: string }[] {
  const wrong: { index: number; expected: string }[] = [];
  for (const [index, entry] of list.entries()) {
    if (wrong.length === mostWrong) break;
    if (typeof entry !== 'string') wrong.push({ index, expected: 'a text' });
    else if (!isWellFormed(entry)) wrong.push({ index, expected: 'well-formed text' });
  }
  return wrong;
}

function choice<const Word extends string>(words: readonly [Word, ...Word[]]) {
  const names = words.map((word) => `\`${word}\``);
  const error = `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
  return z.enum(['', ...words], { error });
}

const specShape = {
  qname: text.nullish(),
  container_image: text.nullish(),
  image_pull_policy: choice(pullPolicies).nullish(),
  content: longText.nullish(),
  entrypoint: texts.nullish(),
  run: texts.nullish(),
  working_directory: text.nullish(),
  env_vars: texts.nullish(),
  secret_refs: texts.nullish(),
  secret_file_type: choice(secretFileTypes).nullish(),
  cont_on_warnings: flag.nullish(),
  registry_ref: text.nullish(),
  tty: flag.nullish(),
  init: flag.nullish(),
};

/** The decrypted payload. Unknown fields, and those that are results of a job, are dropped. */
export const payloadShape = z.object(specShape);
export type WirePayload = z.infer<typeof payloadShape>;

/** The body of a submit: the wrapper fields, and beside them any field of the payload in the clear. */
export const requestShape = z.object({
  ...specShape,
  cubby_token: text.nullish(),
  cubby_path: text.nullish(),
  wrap_secret_id: text.nullish(),
  payload: longText.nullish(),
});
export type WireRequest = z.infer<typeof requestShape>;

/** A job as GoStint shows it, in the order of its fields. */
export interface WireJob {
  readonly _id: string;
  readonly status: string;
  readonly node_uuid: string;
  readonly qname: string;
  readonly container_image: string;
  readonly submitted: string;
  readonly started: string;
  readonly ended: string;
  readonly output: string;
  readonly stderr: string;
  readonly return_code: number;
  readonly tty: boolean;
  readonly container_id: string;
  readonly kill_requested: boolean;
}

export type Shaped<T> = { readonly fields: T } | { readonly problems: readonly string[] };

/** Reads an object by its shape, whatever the case of its names; every problem is one sentence. */
export function readShape<Shape extends z.ZodObject>(
  shape: Shape,
  given: Readonly<Record<string, unknown>>,
): Shaped<z.infer<Shape>> {
  const matched = matchNames(given, Object.keys(shape.shape));
  if ('problem' in matched) return { problems: [matched.problem] };
  const result = shape.safeParse(matched.object);
  if (result.success) return { fields: result.data };
  return { problems: result.error.issues.map((issue) => sentenceOf(issue, matched.object)) };
}

function sentenceOf(issue: z.core.$ZodIssue, object: Readonly<Record<string, unknown>>): string {
  const [field, index] = issue.path;
  const name = `\`${String(field)}\``;
  const place = typeof index === 'number' ? `entry ${index + 1} of ${name}` : name;
  const value = valueAt(object, issue.path);
  const isWrongWord = issue.code === 'invalid_value' && typeof value === 'string';
  return `Expected ${place} to be ${issue.message}, got ${isWrongWord ? quote(value) : describe(value)}.`;
}

function valueAt(object: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown>)[key], object);
}
