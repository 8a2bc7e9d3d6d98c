// Reads a task from XML into the object that the same task has in JSON.

import { setImmediate as nextTurn } from 'node:timers/promises';
import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes';
import type { ParsedObject } from '../../request/json.js';
import { decodeXml } from '../xml-text.js';

/** What a document may hold; the parser is linear in its length within these bounds. */
export const xmlBounds = { depth: 16, elements: 10_000, attributes: 1000 } as const;

/** Some milliseconds of work, after which others are served. */
const pieceLength = 64 * 1024;

/** The parser's own words quote the document, which may hold secrets: only the place is told. */
class XmlProblem extends Error {}

/**
 * Reads the element `task`. A repeated element becomes a list, one with elements in it an object, any other a text.
 * A document type declaration is refused, and with it every entity but the five that XML itself has.
 */
export async function parseXmlTask(body: Buffer, charset: string | undefined): Promise<ParsedObject> {
  const decoded = decodeXml(body, charset);
  if ('problem' in decoded) return decoded;
  try {
    return { object: objectOf(await parse(decoded.text)) };
  } catch (error) {
    if (error instanceof XmlProblem) return { problem: error.message };
    throw error;
  }
}

async function parse(text: string): Promise<Element> {
  const parser = new SaxesParser({ xmlns: true });
  const tree = new Tree();
  parser.on('doctype', () => refuse('hold no document type declaration, got one'));
  parser.on('error', () =>
    refuse(`be well-formed XML, got something else at line ${parser.line}, column ${parser.column}`),
  );
  parser.on('attribute', (attribute) => tree.count(attribute));
  parser.on('opentag', (tag) => tree.open(tag));
  parser.on('text', (piece) => tree.add(piece));
  parser.on('cdata', (piece) => tree.add(piece));
  parser.on('closetag', () => tree.close());
  for (let at = 0; at < text.length; at += pieceLength) {
    parser.write(text.slice(at, at + pieceLength));
    await nextTurn();
  }
  parser.close();
  return tree.root ?? refuse('be an element `task`, got nothing');
}

function refuse(expected: string): never {
  throw new XmlProblem(`Expected the body to ${expected}.`);
}

interface Element {
  readonly name: string;
  text: string;
  readonly children: Element[];
}

/** Builds the elements as the parser reports them. */
class Tree {
  root: Element | undefined;
  readonly #open: Element[] = [];
  #elements = 0;
  #attributes = 0;

  /** Attributes say nothing here: clients add those of a schema. */
  count(_attribute: SaxesAttributeNS): void {
    if (++this.#attributes > xmlBounds.attributes)
      refuse(`hold at most ${xmlBounds.attributes} attributes, got more`);
  }

  open({ local, prefix, uri }: SaxesTagNS): void {
    if (++this.#elements > xmlBounds.elements)
      refuse(`hold at most ${xmlBounds.elements} elements, got more`);
    if (this.#open.length >= xmlBounds.depth)
      refuse(`be nested at most ${xmlBounds.depth} levels deep, got more`);
    const isPlain = uri === '' && prefix === '';
    const element = { name: isPlain ? local : '', text: '', children: [] };
    if (this.root === undefined) this.#start(element);
    else this.#open.at(-1)?.children.push(element);
    this.#open.push(element);
  }

  add(piece: string): void {
    const element = this.#open.at(-1);
    if (element !== undefined) element.text += piece;
  }

  close(): void {
    const element = this.#open.pop();
    if (element === undefined || element.children.length === 0) return;
    if (element.text.trim() !== '') refuse('hold text or elements in each element, got one with both');
  }

  #start(root: Element): void {
    if (root.name !== 'task') refuse('be an element `task` without a namespace, got another one');
    this.root = root;
  }
}

/** Elements that hold others: without any they are an empty object, and not an empty text. */
const outer = new Set(
  ['task/container', 'task/tcontainer', 'ports/port', 'mounts/mount'].concat(
    ['container', 'tcontainer'].flatMap((name) => [`${name}/ports`, `${name}/mounts`]),
  ),
);

function contentOf(element: Element, parent: Element): unknown {
  const path = `${parent.name}/${element.name}`;
  const isOuter = outer.has(path) && element.text.trim() === '';
  return element.children.length > 0 || isOuter ? objectOf(element) : element.text;
}

/** Elements of a namespace have no name here: they are ignored like unknown ones. */
function objectOf(element: Element): Readonly<Record<string, unknown>> {
  const found = new Map<string, unknown[]>();
  for (const child of element.children) {
    const values = found.get(child.name);
    const value = contentOf(child, element);
    if (values === undefined) found.set(child.name, [value]);
    else values.push(value);
  }
  found.delete('');
  return Object.fromEntries(
    [...found].map(([name, values]) => [name, values.length === 1 ? values[0] : values]),
  );
}
