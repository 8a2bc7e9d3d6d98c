// Reads image and secret references from `gostint.yml` and `gostint_image.yml`.
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { JobFailedError } from '../job/errors.js';
import type { SpecFields } from '../job/job.js';

/** Far above any real file. Limits the cost of parsing, because the text is untrusted. */
const largestMetadataBytes = 64 * 1024;
/** What the parser makes a token of: it takes some 20 µs each, in which nobody else is served. */
const marks = /[[\]{},\n]|[-:?!&*](?=\s|$)/g;
/** Room for a thousand references. */
const mostMarks = 2048;
/** Aliases may repeat a list; more than this many copies is an attempt to fill the memory. */
const mostAliases = 100;

/**
 * Reads image and references from `gostint.yml` of a job's content and ignores other keys. Without text there are no
 * fields. Throws `JobFailedError` `metadata_invalid`, with the line if it is known.
 */
export function readContentMetadata(text: string | undefined): SpecFields {
  const map = readMap(text, contentFile);
  const image = imageIn(map, contentFile);
  const secretRefs = secretRefsIn(map, contentFile);
  return { ...(image !== undefined && { image }), ...(secretRefs.length > 0 && { secretRefs }) };
}

/** Reads the references in `gostint_image.yml` of an image. Throws `JobFailedError` `image_metadata_invalid`. */
export function readImageSecretRefs(text: string | undefined): string[] {
  return secretRefsIn(readMap(text, imageFile), imageFile);
}

/** The name of the file for messages, and the error that refuses it. */
interface MetadataFile {
  readonly shown: string;
  readonly refuse: (message: string) => JobFailedError;
}

const contentFile: MetadataFile = {
  shown: '`gostint.yml` of the content',
  refuse: (message) => new JobFailedError('content_refused', 'metadata_invalid', message),
};

const imageFile: MetadataFile = {
  shown: '`/gostint_image.yml` of the image',
  refuse: (message) => new JobFailedError('payload_refused', 'image_metadata_invalid', message),
};

type YamlMap = ReadonlyMap<unknown, unknown>;

function readMap(text: string | undefined, file: MetadataFile): YamlMap {
  if (text === undefined) return new Map();
  const size = Buffer.byteLength(text);
  if (size > largestMetadataBytes)
    throw file.refuse(
      `Expected ${file.shown} to be at most ${largestMetadataBytes} bytes long, got ${size} bytes.`,
    );
  if (holdsTooMuch(text))
    throw file.refuse(`Expected ${file.shown} to hold at most ${mostMarks} lines and entries, got more.`);
  const value = parse(text, file) ?? new Map();
  if (value instanceof Map) return value;
  throw file.refuse(`Expected ${file.shown} to be a map of keys and values, got ${kindOf(value)}.`);
}

function holdsTooMuch(text: string): boolean {
  let found = 0;
  for (const _ of text.matchAll(marks)) if (++found > mostMarks) return true;
  return false;
}

/** If the parser throws, the text is at fault: an alias bomb, or a nesting deeper than the stack. */
function parse(text: string, file: MetadataFile): unknown {
  try {
    const lineCounter = new LineCounter();
    const document = parseDocument(text, { logLevel: 'error', uniqueKeys: false, lineCounter });
    const problem = document.errors[0] ?? findTwice(document, lineCounter);
    if (problem === undefined) return document.toJS({ mapAsMap: true, maxAliasCount: mostAliases });
    throw file.refuse(
      `Could not read ${file.shown}: ${placeOf(problem.linePos)} ${hints[problem.code] ?? 'is no valid YAML'}.`,
    );
  } catch (error) {
    if (error instanceof JobFailedError) throw error;
    throw file.refuse(`Could not read ${file.shown}: its aliases or its nesting go too far.`);
  }
}

/** The parser compares each key with all before it, which takes a third of a second for two thousand. */
function findTwice({ contents }: Document, lines: LineCounter): Problem | undefined {
  const seen = new Set<unknown>();
  for (const { key } of isMap(contents) ? contents.items : []) {
    if (!isScalar(key)) continue;
    if (seen.has(key.value)) return { code: 'DUPLICATE_KEY', linePos: [lines.linePos(key.range?.[0] ?? 0)] };
    seen.add(key.value);
  }
  return undefined;
}

interface Problem {
  readonly code: string;
  readonly linePos?: readonly { line: number; col: number }[];
}

function placeOf(position: readonly { line: number; col: number }[] | undefined): string {
  const start = position?.[0];
  return start === undefined ? 'it' : `line ${start.line}, column ${start.col}`;
}

/** Plain explanations for the most common mistakes. */
const hints: Readonly<Partial<Record<string, string>>> = {
  TAB_AS_INDENT: 'is indented by a tab, where YAML requires spaces',
  DUPLICATE_KEY: 'names a key for the second time',
  MULTIPLE_DOCS: 'starts a second document, where one is expected',
  BAD_INDENT: 'is indented wrongly, or a bracket is not closed before it',
  MISSING_CHAR: 'lacks a closing quote, bracket or colon',
};

function imageIn(map: YamlMap, file: MetadataFile): string | undefined {
  const image = map.get('container_image');
  if (image === undefined || image === null || image === '') return undefined;
  if (typeof image === 'string') return image;
  throw file.refuse(
    `Expected \`container_image\` in ${file.shown} to be an image name, got ${kindOf(image)}.`,
  );
}

function secretRefsIn(map: YamlMap, file: MetadataFile): string[] {
  const list = map.get('secret_refs');
  if (list === undefined || list === null) return [];
  const shape = `\`secret_refs\` in ${file.shown} to be a list of \`NAME@PATH.KEY\` entries`;
  if (!Array.isArray(list)) throw file.refuse(`Expected ${shape}, got ${kindOf(list)}.`);
  return list.map((entry: unknown, index) => {
    if (typeof entry === 'string') return entry;
    throw file.refuse(`Expected ${shape}, got ${kindOf(entry)} as entry ${index + 1}.`);
  });
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Map) return 'a map';
  if (typeof value === 'string') return 'a text';
  return typeof value === 'object' ? 'another kind of value' : `a ${typeof value}`;
}
