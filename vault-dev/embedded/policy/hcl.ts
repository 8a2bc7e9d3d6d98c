// Parses the part of HCL that Vault policies use.

import { isFields } from '../http/body.js';
import { Refusal } from '../http/reply.js';

/** A value in HCL. */
export type HclValue = string | number | boolean | HclValue[] | { [key: string]: HclValue };
type Block = { [key: string]: HclValue };

const tokenShape =
  /\s+|#[^\n]*|\/\/[^\n]*|\/\*[\s\S]*?\*\/|("(?:[^"\\\n]|\\.)*"|[A-Za-z_][\w.-]*|-?\d+(?:\.\d+)?|[{}[\]=,:])/y;

/**
 * The part of HCL 1 that policies are written in: blocks with labels, assignments, lists, comments; no here-documents.
 * JSON is read by the same rules, because it is nearly HCL. Blocks with the same name and label are merged.
 */
export function parseHcl(text: string): Block {
  const source = new Source(scan(text));
  const isJson = text.trimStart().startsWith('{');
  const block = isJson ? objectOf(source.take('{'), source) : bodyOf(source, undefined);
  if (source.peek !== undefined) throw unexpected(source.peek);
  return block;
}

class Source {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  get peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  next(): string {
    const token = this.peek;
    if (token === undefined) throw unexpected('the end');
    this.#at += 1;
    return token;
  }

  take(wanted: string): string {
    const token = this.next();
    if (token !== wanted) throw unexpected(token);
    return token;
  }

  /** Skips the token if it is the next one, and says whether it was. */
  skip(wanted: string): boolean {
    if (this.peek !== wanted) return false;
    this.#at += 1;
    return true;
  }
}

function scan(text: string): string[] {
  const tokens: string[] = [];
  tokenShape.lastIndex = 0;
  while (tokenShape.lastIndex < text.length) {
    const { lastIndex } = tokenShape;
    const match = tokenShape.exec(text);
    if (match === null) throw unexpected(text.slice(lastIndex, lastIndex + 10));
    if (match[1] !== undefined) tokens.push(match[1]);
  }
  return tokens;
}

function objectOf(_opened: string, source: Source): Block {
  const block = bodyOf(source, '}');
  source.take('}');
  return block;
}

function bodyOf(source: Source, end: string | undefined): Block {
  const block: Block = {};
  while (source.peek !== end && source.peek !== undefined) {
    const labels = [nameOf(source.next())];
    while (source.peek !== undefined && !['{', '=', ':'].includes(source.peek))
      labels.push(nameOf(source.next()));
    const isAssigned = source.skip('=') || source.skip(':');
    const value = isAssigned ? readValue(source) : objectOf(source.take('{'), source);
    lay(block, labels, value);
    source.skip(',');
  }
  return block;
}

function lay(block: Block, [label = '', ...deeper]: readonly string[], value: HclValue): void {
  const there = Object.hasOwn(block, label) ? block[label] : undefined;
  const under: Block = isFields(there) ? (there as Block) : {};
  if (deeper.length > 0) lay(under, deeper, value);
  const merged = deeper.length > 0 ? under : isFields(value) ? { ...under, ...(value as Block) } : value;
  Object.defineProperty(block, label, {
    value: merged,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

function readValue(source: Source): HclValue {
  const token = source.next();
  if (token === '{') return objectOf(token, source);
  if (token === '[') return listOf(source);
  if (token.startsWith('"')) return JSON.parse(token) as string;
  if (token === 'true' || token === 'false') return token === 'true';
  if (/^-?\d/.test(token)) return Number(token);
  throw unexpected(token);
}

function listOf(source: Source): HclValue[] {
  const values: HclValue[] = [];
  while (!source.skip(']')) {
    values.push(readValue(source));
    if (!source.skip(',') && source.peek !== ']') throw unexpected(source.next());
  }
  return values;
}

function nameOf(token: string): string {
  if (token.startsWith('"')) return JSON.parse(token) as string;
  if (/^[A-Za-z_]/.test(token)) return token;
  throw unexpected(token);
}

function unexpected(token: string): Refusal {
  return new Refusal(400, `failed to parse policy: unexpected ${JSON.stringify(token)}`);
}
