// Looks over the bytes of a JSON text before anything is built of them, so that what would cost too much never is.
import { longTextBytes, type Span } from '../../job/payload/long-text.js';

/** What a text may hold. The sizes of single fields are the business of whoever reads them. */
export const jsonBounds = {
  /** Far deeper than anything we read. */
  depth: 64,
  /**
   * The longest lists we take hold 4096 texts. Memory grows with each value, wanted or not, and the parser makes all in one go:
   * of so many names that is some 25 ms of work.
   */
  values: 30_000,
  /** Some encoders escape each `/` of base64, one character in 64. */
  escapes: 1_000_000,
  nameBytes: 1024,
  numberBytes: 1024,
  /** Beside long texts. What starts a job takes 2 MiB at most; it is parsed in one go, as text that may take twice its bytes. */
  restBytes: 4 * 1024 * 1024,
} as const;

/** A name in the text. */
export interface NameSpan extends Span {
  /** A number of the object that it stands in. */
  readonly object: number;
}

/** A long text of the outermost object. */
export interface LongText extends Span {
  /** The last name before it. Undefined in a list. */
  readonly name: Span | undefined;
}

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];
const blanks = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * One pass over the bytes, in parts that take about a millisecond each. It follows quotes and brackets only: whether the
 * text is JSON at all is said by the parser afterwards. The work is linear in the bytes, whatever they are.
 */
export class JsonScan {
  /** Why the text must not be parsed at all, the end of a sentence: "be nested at most ..., got more". */
  problem: string | undefined;
  /** Names with their quotes, in their order: of the outermost object, or of objects so deep in it. */
  readonly names: NameSpan[] = [];
  /** Long texts of the outermost object with their quotes. */
  readonly longTexts: LongText[] = [];
  readonly #bytes: Buffer;
  #at = 0;
  readonly #namesDepth: number;
  /** The objects and lists that are open, as far as their names are kept. */
  readonly #open: number[] = [0];
  #opened = 0;
  #depth = 0;
  #values = 0;
  #escapes = 0;
  #wordBytes = 0;
  /** Of a text that is open. */
  #textStart: number | undefined;
  #lastText: Span | undefined;
  /** Of the field of the outermost object that is being read. */
  #field: Span | undefined;
  #isBlank = true;
  /** The first ones that are not behind us: searched for once each, or a text would be searched through at each escape. */
  #nextQuote = -1;
  #nextBackslash = -1;

  constructor(bytes: Buffer, namesDepth = 1) {
    this.#bytes = bytes;
    this.#namesDepth = namesDepth;
  }

  /** A text, a list or an object is still open. */
  get isOpen(): boolean {
    return this.#textStart !== undefined || this.#depth > 0;
  }

  /** It holds nothing but blanks. */
  get isBlank(): boolean {
    return this.#isBlank;
  }

  /** Takes so many steps; true when it is at the end, or has found a problem. */
  advance(steps: number): boolean {
    for (let left = steps; left > 0; left--) {
      if (this.#at >= this.#bytes.length || this.problem !== undefined) return true;
      if (this.#textStart === undefined) this.#readMark(this.#bytes[this.#at++] ?? 0);
      else this.#readText(this.#textStart);
    }
    return false;
  }

  #readMark(byte: number): void {
    if (blanks.has(byte)) this.#wordBytes = 0;
    else this.#readSign(byte);
  }

  #readSign(byte: number): void {
    this.#isBlank = false;
    if (byte === quote) this.#textStart = this.#at - 1;
    else if (byte === comma) this.#countValue();
    else if (byte === colon) this.#closeName();
    else if (byte === openList || byte === openObject) this.#enter();
    else if (byte === closeList || byte === closeObject) this.#leave();
    else this.#countWord();
  }

  /** To the next quote or escape. Between them the bytes are skipped, not walked through. */
  #readText(start: number): void {
    if (this.#nextBackslash < this.#at) this.#nextBackslash = this.#find(backslash);
    if (this.#nextQuote < this.#at) this.#nextQuote = this.#find(quote);
    if (this.#nextBackslash < this.#nextQuote) this.#skipEscape();
    else if (this.#nextQuote === this.#bytes.length) this.#at = this.#nextQuote;
    else this.#closeText({ start, end: this.#nextQuote + 1 });
  }

  #skipEscape(): void {
    this.#at = this.#nextBackslash + 2;
    if (++this.#escapes > jsonBounds.escapes) this.#refuse(`hold at most ${jsonBounds.escapes} escapes`);
  }

  #closeText(text: Span): void {
    this.#at = text.end;
    this.#textStart = undefined;
    this.#lastText = text;
    this.#wordBytes = 0;
    if (this.#depth === 1 && text.end - text.start > longTextBytes)
      this.longTexts.push({ start: text.start, end: text.end, name: this.#field });
  }

  /** A colon tells a name from a value. */
  #closeName(): void {
    this.#wordBytes = 0;
    const name = this.#lastText;
    this.#lastText = undefined;
    if (name === undefined) return;
    if (this.#depth === 1) this.#field = name;
    if (name.end - name.start - 2 > jsonBounds.nameBytes)
      this.#refuse(`have names of at most ${jsonBounds.nameBytes} bytes`);
    else if (this.#depth <= this.#namesDepth) this.#keepName(name);
  }

  /** Where the text is no JSON, names may follow each other without any value. */
  #keepName({ start, end }: Span): void {
    this.names.push({ start, end, object: this.#open[this.#depth] ?? 0 });
    if (this.names.length > jsonBounds.values) this.#refuse(`hold at most ${jsonBounds.values} values`);
  }

  #enter(): void {
    this.#countValue();
    if (++this.#depth > jsonBounds.depth) this.#refuse(`be nested at most ${jsonBounds.depth} levels deep`);
    else if (this.#depth <= this.#namesDepth) this.#open[this.#depth] = ++this.#opened;
  }

  #leave(): void {
    this.#depth--;
    this.#wordBytes = 0;
  }

  #countValue(): void {
    this.#wordBytes = 0;
    if (++this.#values > jsonBounds.values) this.#refuse(`hold at most ${jsonBounds.values} values`);
  }

  /** Numbers, `true`, `false`, `null`, and what is none of them. */
  #countWord(): void {
    if (++this.#wordBytes > jsonBounds.numberBytes)
      this.#refuse(`hold numbers of at most ${jsonBounds.numberBytes} digits`);
  }

  #refuse(expected: string): void {
    this.problem = `${expected}, got more`;
  }

  #find(byte: number): number {
    const found = this.#bytes.indexOf(byte, this.#at);
    return found < 0 ? this.#bytes.length : found;
  }
}
