// Finds the character at which a text stops being JSON: the parser's own messages do not always tell.

const blanks = /[ \t\n\r]*/y;
/** All but quote, backslash and what comes before the blank. */
const plain = /[ !#-[\]-\uffff]*/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const word = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** Longer texts are not looked through again. */
const longestText = 256 * 1024;

/** What may come next: a value, a name, the colon behind it, or what follows a value. */
type Next = 'value' | 'valueOrEnd' | 'name' | 'nameOrEnd' | 'colon' | 'after';

/** Counted from 0; undefined for a text that ends too early, is JSON, or is very long. */
export function findBreak(text: string): number | undefined {
  if (text.length > longestText) return undefined;
  const reader = new BreakFinder(text);
  while (reader.step());
  return reader.at < text.length ? reader.at : undefined;
}

class BreakFinder {
  at = 0;
  readonly #text: string;
  readonly #open: string[] = [];
  #next: Next = 'value';

  constructor(text: string) {
    this.#text = text;
  }

  /** Takes one sign, text or word; false at the end and at what must not come. */
  step(): boolean {
    this.#skip(blanks);
    const sign = this.#text[this.at];
    if (sign === undefined) return false;
    if (this.#closes(sign)) return this.#close();
    switch (this.#next) {
      case 'colon':
        return this.#take(sign, ':', 'value');
      case 'after':
        return this.#open.length > 0 && this.#take(sign, ',', this.#open.at(-1) === '}' ? 'name' : 'value');
      case 'name':
      case 'nameOrEnd':
        return sign === '"' && this.#readText('colon');
      default:
        return this.#readValue(sign);
    }
  }

  #closes(sign: string): boolean {
    const mayEnd = this.#next === 'after' || this.#next === 'valueOrEnd' || this.#next === 'nameOrEnd';
    return mayEnd && sign === this.#open.at(-1);
  }

  #close(): boolean {
    this.#open.pop();
    this.at++;
    this.#next = 'after';
    return true;
  }

  #take(sign: string, wanted: string, next: Next): boolean {
    if (sign !== wanted) return false;
    this.at++;
    this.#next = next;
    return true;
  }

  #readValue(sign: string): boolean {
    if (sign === '"') return this.#readText('after');
    if (sign === '{') this.#open.push('}');
    else if (sign === '[') this.#open.push(']');
    else return this.#readWord();
    return this.#take(sign, sign, sign === '{' ? 'nameOrEnd' : 'valueOrEnd');
  }

  #readWord(): boolean {
    this.#next = 'after';
    return this.#skip(word) > 0;
  }

  /** In pieces: a pattern for the whole of a long text would need a deep stack. */
  #readText(next: Next): boolean {
    this.at++;
    do this.#skip(plain);
    while (this.#skip(escaped) > 0);
    return this.#take(this.#text[this.at] ?? '', '"', next);
  }

  #skip(pattern: RegExp): number {
    pattern.lastIndex = this.at;
    const length = pattern.exec(this.#text)?.[0].length ?? 0;
    this.at += length;
    return length;
  }
}
