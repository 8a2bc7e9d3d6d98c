// The fields of a new job as LOPCO's clients write them, and what they must be to each other.

import { secretFileTypes } from '../../job/job.js';
import { type Fields, flag, listOf, note, parsed, type Read, text } from '../request/readers.js';
import { describe, quote } from '../request/sentence.js';

const longestText = 255;

const short: Read<string> = (value, place, problems) => {
  const read = text(value, place, problems);
  if (read === undefined || (read.length <= longestText && !read.includes('\0'))) return read;
  return note(problems, place, `at most ${longestText} characters without NUL`, 'something else');
};

/** Of the data cache: it is joined to a path. */
const fileName: Read<string> = (value, place, problems) => {
  const read = short(value, place, problems);
  if (read === undefined || (!read.includes('/') && !/^\.{1,2}$/.test(read))) return read;
  return note(problems, place, 'the name of a file without a directory', quote(read));
};

/** All fields of a new job that are looked at; others are ignored. */
export const jobShape = {
  machine_id: short,
  ds_id: short,
  hash: short,
  file_name: fileName,
  wrap_secret_id: text,
  secret_refs: listOf(text),
  secret_file_type: parsed(`one of ${secretFileTypes.join(', ')}`, (word) =>
    secretFileTypes.find((each) => each === word),
  ),
  cont_on_warnings: flag,
  registry_ref: text,
} as const;

export type WireJob = Fields<typeof jobShape>;

/** Fields that were given, but cannot be read, are no longer in the job: they have a sentence of their own. */
export function findMissing({ ds_id: source }: WireJob, body: Readonly<Record<string, unknown>>): string[] {
  const machine = source === undefined && body.ds_id === undefined ? ['machine_id'] : [];
  return ['hash', 'file_name', ...machine]
    .filter((name) => body[name] === undefined || body[name] === null || body[name] === '')
    .map((name) => `${name} is required, got ${describe(body[name])}.`);
}

/** The wrapping token is a credential: it is not shown. */
export function findProblems(job: WireJob): string[] {
  const { machine_id: machine, ds_id: source, wrap_secret_id: wrap } = job;
  const { secret_refs: refs = [], registry_ref: registry } = job;
  return [
    ...(machine !== undefined && source !== undefined && machine !== source
      ? [`ds_id must be the same as machine_id, got ${quote(source)} and ${quote(machine)}.`]
      : []),
    ...(refs.length > 0 && wrap === undefined
      ? ['secret_refs needs wrap_secret_id: without it the workers may read nothing at Vault.']
      : []),
    ...(registry !== undefined && wrap === undefined
      ? ['registry_ref needs wrap_secret_id: without it the workers may read nothing at Vault.']
      : []),
    ...(wrap === undefined || isToken(wrap)
      ? []
      : ['wrap_secret_id must be a token of 1 to 4096 visible ASCII characters, got something else.']),
  ];
}

/** What Vault accepts in a token header. */
function isToken(word: string): boolean {
  return /^[!-~]{1,4096}$/.test(word);
}
