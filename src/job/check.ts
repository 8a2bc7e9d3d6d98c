// Checks a job's fields when it is submitted, before any credential is spent.

import { findImageProblem } from './image-reference.js';
import type { SpecFields } from './job.js';
import { checkOptions } from './options/check-options.js';
import type { OptionNames } from './options/option-names.js';
import { findPathProblem, findReferenceProblem } from './reference.js';

export { secretReferencePattern } from './reference.js';

/** The names of the fields in a door's format, for error texts. A field without an entry has the model's name. */
export type FieldNames = Readonly<Partial<Record<keyof SpecFields, string>>> & {
  readonly optionNames?: OptionNames;
};

const longestQueueName = 255;
const mostEntries = 4096;
/** Each may be a request to Vault. */
export const mostReferences = 500;
/** Of one field: whoever tells them shows fewer. */
const mostProblems = 20;
/** Linux accepts no single argument or variable of 128 KiB or more. */
const largestEntryBytes = 128 * 1024 - 1;
/** A refusal quotes what it refuses; this much is enough to recognize it. */
const longestQuote = 100;

/**
 * All problems with the given fields, one sentence each; empty when there are none. Values of environment variables
 * are never quoted, because they may be secret.
 */
export function checkFields(fields: SpecFields, names: FieldNames = {}): string[] {
  const named = (field: keyof SpecFields) => `\`${names[field] ?? field}\``;
  return [
    ...checkQueue(fields.queue, named('queue')),
    ...checkImage(fields.image, named('image')),
    ...checkArguments(fields.entrypoint, named('entrypoint')),
    ...checkArguments(fields.command, named('command')),
    ...checkStart(fields, (['entrypoint', 'command', 'env'] as const).map(named)),
    ...checkDirectory(fields.workingDirectory, named('workingDirectory')),
    ...checkEnvironment(fields.env, named('env')),
    ...checkReferences(fields.secretRefs, named('secretRefs')),
    ...checkRegistryRef(fields.registryRef, named('registryRef')),
    ...checkOptions(fields.options ?? {}, names.optionNames),
    ...checkContentBesideMounts(fields, names),
  ];
}

/** Content is laid over `/` by the engine, with all rights and through whatever is mounted there. */
function checkContentBesideMounts({ content, options }: SpecFields, names: FieldNames): string[] {
  if (!content || (options?.mounts ?? []).length === 0) return [];
  const [files, mounts] = [names.content ?? 'content', names.optionNames?.mounts ?? 'mounts'];
  return [`Expected \`${files}\` or \`${mounts}\`, got both: content would be written into what is mounted.`];
}

function checkQueue(queue: string | undefined, name: string): string[] {
  if (queue === undefined) return [];
  // Not more than two units a character: a text of many megabytes must not be taken apart.
  const characters = queue.length > 2 * longestQueueName ? queue.length : [...queue].length;
  if (characters > longestQueueName)
    return [`Expected ${name} to have at most ${longestQueueName} characters, got ${characters}.`];
  const at = findControl(queue);
  return at < 0 ? [] : [`Expected ${name} to be free of control characters, got one at ${at}.`];
}

function checkImage(image: string | undefined, name: string): string[] {
  if (image === undefined || image === '') return [];
  const problem = findImageProblem(image);
  return problem === undefined ? [] : [`Expected ${name} to be an image ${problem}, got ${quote(image)}.`];
}

function checkArguments(list: readonly string[] | undefined, name: string): string[] {
  return checkList(list, name, (entry, place) => checkEntry(entry, place));
}

/** Together they may be too long for the kernel, though each entry is short enough. */
function checkStart({ entrypoint = [], command = [], env = [] }: SpecFields, names: string[]): string[] {
  const bytes = startBytes(entrypoint, command, env);
  if (bytes <= longestStartBytes) return [];
  const [first, second, third] = names;
  return [
    `Expected ${first}, ${second} and ${third} to take at most ${longestStartBytes} bytes together, each entry counted with 9 more, got ${bytes} bytes.`,
  ];
}

function checkDirectory(directory: string | undefined, name: string): string[] {
  if (directory === undefined || directory === '') return [];
  if (!directory.startsWith('/'))
    return [`Expected ${name} to be an absolute path, got ${quote(directory)}.`];
  return checkEntry(directory, name);
}

function checkEnvironment(list: readonly string[] | undefined, name: string): string[] {
  return checkList(list, name, (entry, place) => {
    const equals = entry.indexOf('=');
    if (equals < 0) return [`Expected ${place} to be \`NAME=value\`, got no \`=\`.`];
    if (equals === 0) return [`Expected ${place} to be \`NAME=value\`, got no name before the \`=\`.`];
    return checkEntry(entry, `${place} (${quote(entry.slice(0, equals))})`);
  });
}

function checkReferences(list: readonly string[] | undefined, name: string): string[] {
  if (list !== undefined && list.length > mostReferences)
    return [`Expected ${name} to have at most ${mostReferences} entries, got ${list.length}.`];
  return checkList(list, name, (entry, place) => {
    const problem = findReferenceProblem(entry);
    if (problem === undefined) return [];
    return [`Expected ${place} to be \`NAME@PATH.KEY\`, got ${quote(entry)}: ${problem}.`];
  });
}

function checkRegistryRef(path: string | undefined, name: string): string[] {
  if (path === undefined || path === '') return [];
  const problem = findPathProblem(path);
  if (problem === undefined) return [];
  return [`Expected ${name} to be the path of a secret, got ${quote(path)}: ${problem}.`];
}

type CheckEntry = (entry: string, place: string) => readonly string[];

/** Entries are counted from 1 in the texts. */
function checkList(list: readonly string[] | undefined, name: string, check: CheckEntry): string[] {
  if (list === undefined) return [];
  if (list.length > mostEntries)
    return [`Expected ${name} to have at most ${mostEntries} entries, got ${list.length}.`];
  const problems: string[] = [];
  for (const [index, entry] of list.entries()) {
    problems.push(...check(entry, `entry ${index + 1} of ${name}`));
    if (problems.length > mostProblems) break;
  }
  return problems;
}

/** Finds what the kernel would cut or refuse when the container starts. */
function checkEntry(entry: string, place: string): string[] {
  const nul = entry.indexOf('\0');
  if (nul >= 0) return [`Expected ${place} to be free of NUL characters, got one at ${nul}.`];
  const size = Buffer.byteLength(entry);
  if (size <= largestEntryBytes) return [];
  return [`Expected ${place} to be at most ${largestEntryBytes} bytes long, got ${size} bytes.`];
}

/**
 * Where the first sign is that is not seen and changes what is: C0, DEL, C1 and the two separators that break lines could forge
 * lines in a log or a terminal, marks that turn text around let a name look like another. -1: there is none.
 */
export function findControl(text: string): number {
  return text.search(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]/u);
}

function quote(text: string): string {
  return JSON.stringify(text.length > longestQuote ? `${text.slice(0, longestQuote)}…` : text);
}

/** A quarter of the usual stack of 8 MiB. An engine may give jobs a larger stack; that is not relied on. */
const kernelBytes = 2 * 1024 * 1024;
/** For what engine and init process add: `PATH`, `HOSTNAME`, `HOME`, `TERM` and a few arguments. */
const reservedBytes = 4096;
/** Of each entry: the NUL behind it and the pointer to it. */
const bytesBesideEntry = 9;

export const longestStartBytes = kernelBytes - reservedBytes;

/** The sum of these lists of arguments and variables as Linux counts it. */
export function startBytes(...lists: readonly (readonly string[])[]): number {
  let sum = 0;
  for (const list of lists) for (const entry of list) sum += Buffer.byteLength(entry) + bytesBesideEntry;
  return sum;
}
