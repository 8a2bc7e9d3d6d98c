// Lists the encodings in which common tools print a secret value.
import { quotedText } from '../secrets/secrets-file.js';

/**
 * The forms that `base64`, `curl`, `jq` or a shell that traces its commands print. This is no protection against a job
 * that wants to leak its secrets; nothing is. One kind after the other: for a large value there is room for few.
 */
export function* encodingsOf(value: string): Generator<string> {
  const bytes = Buffer.from(value);
  yield* base64Forms(bytes);
  yield* percentForms(bytes);
  yield* jsonForms(value);
  yield* shellForms(value);
  const hex = bytes.toString('hex');
  yield hex;
  yield hex.toUpperCase();
}

/** `base64` and PEM break lines at these lengths. */
const columns = [76, 64];

function* base64Forms(bytes: Buffer): Generator<string> {
  for (const form of plainBase64Forms(bytes)) yield* [form, urlSafe(form)];
}

function* plainBase64Forms(bytes: Buffer): Generator<string> {
  const plain = bytes.toString('base64');
  yield plain;
  for (const offset of [0, 1, 2]) yield alignedBase64(bytes, offset);
  yield* wrappedForms(plain);
  yield* wrappedForms(alignedBase64(bytes, 0)); // As `echo` has it encoded, which adds the end of a line.
}

function* wrappedForms(encoded: string): Generator<string> {
  for (const width of columns) {
    const lines = encoded.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
    if (lines.length > 1) yield* [lines.join('\n'), lines.join('\r\n')];
  }
}

/**
 * The characters that do not depend on the neighbors, when `offset` unknown bytes precede the value and any follow it.
 */
function alignedBase64(bytes: Buffer, offset: number): string {
  const encoded = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
  return encoded.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
}

function urlSafe(form: string): string {
  return form.replaceAll('+', '-').replaceAll('/', '_');
}

/** As in a path, as in a form, and with lower-case hex digits. */
function percentForms(bytes: Buffer): string[] {
  const lenient = percent(bytes, /[\w.~!'()*-]/);
  const strict = percent(bytes, /[\w.~-]/);
  const small = strict.replace(/%../g, (code) => code.toLowerCase());
  return [lenient, strict, small, strict.replaceAll('%20', '+'), percent(bytes, /[\w.~/-]/)];
}

function percent(bytes: Buffer, kept: RegExp): string {
  return Array.from(bytes, (byte) => {
    const character = String.fromCharCode(byte);
    return byte < 128 && kept.test(character)
      ? character
      : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }).join('');
}

/** As in our own secrets file, as ASCII only like Python, and with HTML characters escaped like Go. */
function jsonForms(value: string): string[] {
  const plain = JSON.stringify(value).slice(1, -1);
  const ascii = plain.replace(/[\u007f-\uffff]/g, escaped);
  const html = plain.replace(/[<>&\u2028\u2029]/g, escaped);
  return [plain, quotedText(value).slice(1, -1), ascii, html, plain.replaceAll('/', '\\/')];
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Within single quotes, within double quotes, and without quotes. */
function shellForms(value: string): string[] {
  return [
    value.replaceAll("'", "'\\''"),
    value.replaceAll("'", `'"'"'`),
    value.replace(/["$`\\]/g, '\\$&'),
    value.replace(/[^\w@%+=:,./\n-]/g, '\\$&'),
  ];
}
