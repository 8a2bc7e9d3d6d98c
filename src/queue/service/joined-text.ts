// Joins the pieces of two streams of text without splitting a character.
type Stream = 'stdout' | 'stderr';

/**
 * Appends the bytes of both streams. The first bytes of a character are kept back until the rest arrives, so that the
 * other stream's bytes cannot split it, and the text only grows when more arrives. Invalid UTF-8 is appended unchanged.
 */
export class JoinedText {
  #bytes: Buffer;
  readonly #begun = { stdout: new BegunCharacter(), stderr: new BegunCharacter() };
  #length = 0;
  #taken = 0;

  /** `size` is the most bytes that will be appended. */
  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  /** Forgets what was taken, and makes room for so many more bytes. */
  makeRoom(size: number): void {
    this.#bytes = Buffer.allocUnsafe(size + 2 * longest);
    this.#length = 0;
    this.#taken = 0;
  }

  /** Appends the bytes from `from` to `to`. A job may print millions of pieces, so none is cut out first. */
  add(stream: Stream, bytes: Uint8Array, from: number, to: number): void {
    const begun = this.#begun[stream];
    const at = begun.isQuiet ? from : begun.feed(bytes, from, to);
    if (at === to && begun.isOpen) return;
    this.#flush(begun);
    const end = wholeEnd(bytes, at, to);
    this.#copy(bytes, at, end);
    if (end < to) begun.begin(bytes, end, to);
  }

  /** The next bytes do not follow directly: parts of characters on both sides of the gap are left out. */
  leaveGap(): void {
    for (const begun of Object.values(this.#begun)) begun.lose();
  }

  /** No more bytes will come: a character that was never finished is appended as it is. */
  end(): void {
    for (const begun of Object.values(this.#begun)) this.#flush(begun);
  }

  /** Returns what was appended since the last call. */
  take(): Uint8Array {
    const from = this.#taken;
    this.#taken = this.#length;
    return this.#bytes.subarray(from, this.#length);
  }

  #copy(bytes: Uint8Array, from: number, to: number): void {
    if (to - from > shortPiece) this.#bytes.set(bytes.subarray(from, to), this.#length);
    else for (let at = from; at < to; at++) this.#bytes[this.#length + at - from] = bytes[at] ?? 0;
    this.#length += to - from;
  }

  #flush(begun: BegunCharacter): void {
    if (begun.length === 0) return;
    this.#copy(begun.bytes, 0, begun.length);
    begun.clear();
  }
}

/** The first bytes of an unfinished character of one stream. */
class BegunCharacter {
  readonly bytes = new Uint8Array(longest);
  length = 0;
  #missing = 0;
  /** How many of the next bytes may be the end of a character whose beginning is missing. */
  #lost = 0;

  get isOpen(): boolean {
    return this.#missing > 0;
  }

  /** No byte that comes can belong to it. */
  get isQuiet(): boolean {
    return this.#missing === 0 && this.#lost === 0;
  }

  /** Takes the bytes that belong to it and returns where the rest begins. */
  feed(bytes: Uint8Array, from: number, to: number): number {
    let at = from;
    for (; at < to && this.#lost > 0 && isInner(bytes[at]); at++) this.#lost--;
    if (at < to) this.#lost = 0;
    for (; at < to && this.#missing > 0 && isInner(bytes[at]); at++, this.#missing--)
      this.bytes[this.length++] = bytes[at] ?? 0;
    return at;
  }

  begin(bytes: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) this.bytes[this.length++] = bytes[at] ?? 0;
    this.#missing = sizeOf(bytes[from]) - (to - from);
  }

  clear(): void {
    this.length = 0;
    this.#missing = 0;
  }

  lose(): void {
    this.clear();
    this.#lost = longest - 1;
  }
}

/** Up to this many bytes are copied one by one, which is faster than a call. */
const shortPiece = 32;
/** Bytes of a character in UTF-8 at most. */
const longest = 4;

/** Where the last character begins if it is unfinished, else `to`. */
function wholeEnd(bytes: Uint8Array, from: number, to: number): number {
  for (let at = to - 1; at >= from && at > to - longest; at--) {
    if (isInner(bytes[at])) continue;
    return at + sizeOf(bytes[at]) > to ? at : to;
  }
  return to;
}

function isInner(byte = 0): boolean {
  return (byte & 0xc0) === 0x80;
}

/** How many bytes a character has that begins with this one; 1 for a byte that begins none. */
function sizeOf(byte = 0): number {
  if (byte < 0xc2 || byte > 0xf4) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}
