// Keeps back the beginning of a character of UTF-8 until the rest of it comes.

/** Of one stream. Bytes that are no UTF-8 pass as they are. */
export class WholeCharacters {
  #begun: Uint8Array = new Uint8Array();

  /** All but an unfinished character at the end. */
  push(bytes: Uint8Array): Uint8Array {
    const all = this.#begun.length === 0 ? bytes : Buffer.concat([this.#begun, bytes]);
    const end = wholeEnd(all);
    this.#begun = all.slice(end); // A copy: it outlives the chunk that it is of.
    return all.subarray(0, end);
  }

  /** What was kept back: nothing more comes. */
  end(): Uint8Array {
    const begun = this.#begun;
    this.#begun = new Uint8Array();
    return begun;
  }
}

/** Where the last character begins if it is unfinished, else the end. */
function wholeEnd(bytes: Uint8Array): number {
  for (let at = bytes.length - 1; at >= 0 && at > bytes.length - 4; at--) {
    const byte = bytes[at] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    return at + sizeOf(byte) > bytes.length ? at : bytes.length;
  }
  return bytes.length;
}

function sizeOf(byte: number): number {
  if (byte < 0xc2 || byte > 0xf4) return 1;
  if (byte < 0xe0) return 2;
  return byte < 0xf0 ? 3 : 4;
}
