// Reads a request as it was sealed, and takes its long texts out of the JSON before that is parsed.
import type { OpenedRequest } from '../../executor/run.js';
import { decodeContent } from '../../job/content.js';
import type { Ciphertext } from '../../job/job.js';
import { longTextBytes, type Span, textWithout } from '../../job/payload/long-text.js';
import { Secret } from '../../job/secret.js';

const [quote, backslash] = [0x22, 0x5c];

/** Secrets as the texts that they are. */
type Plain = Omit<OpenedRequest, 'wrappedSecretId' | 'kept'> & {
  readonly wrappedSecretId?: string;
  readonly kept?: {
    readonly token: string;
    readonly values: readonly (readonly [string, string])[];
    readonly leases?: readonly string[];
  };
};

/** What is left of the JSON where a text was taken out. */
const contentMark = '#content';
const ciphertextMark = '#ciphertext';

/** The request in the JSON that was sealed, by this version or an earlier one. */
export async function readPlain(plain: Buffer): Promise<OpenedRequest> {
  const content = findText(plain, 'content');
  const ciphertext = findText(plain, 'ciphertext');
  const rest = parseWithout(plain, { content, ciphertext });
  const { wrappedSecretId: wrapped, kept, ...others } = rest;
  return {
    ...others,
    ...(kept !== undefined && { kept: toKept(kept) }),
    wrappedSecretId: wrapped === undefined ? undefined : new Secret(wrapped),
    ...(rest.ciphertext === ciphertextMark && { ciphertext: toCiphertext(textAt(plain, ciphertext)) }),
    ...(rest.fields.content === contentMark && (await withContent(rest, textAt(plain, content)))),
  };
}

function toKept({ token, values, ...leases }: NonNullable<Plain['kept']>): OpenedRequest['kept'] {
  return {
    token: new Secret(token),
    values: values.map(([reference, value]) => [reference, new Secret(value)]),
    ...leases,
  };
}

/** Both are in their places, or nothing was taken out: something else in the request may have a name like these. */
function parseWithout(
  plain: Buffer,
  { content, ciphertext }: Record<'content' | 'ciphertext', Span | undefined>,
): Plain {
  const rest = JSON.parse(
    cutOut(plain, [
      [content, contentMark],
      [ciphertext, ciphertextMark],
    ]),
  ) as Plain;
  const isRight =
    (content === undefined || rest.fields.content === contentMark) &&
    (ciphertext === undefined || rest.ciphertext === ciphertextMark);
  return isRight ? rest : (JSON.parse(plain.toString()) as Plain);
}

async function withContent(
  { fields }: Plain,
  text: Uint8Array,
): Promise<Pick<OpenedRequest, 'fields' | 'content'>> {
  const others = Object.entries(fields).filter(([name]) => name !== 'content');
  return { fields: Object.fromEntries(others), content: await decodeContent(text) };
}

/** A long one stays bytes. */
function toCiphertext(bytes: Buffer): Ciphertext {
  return bytes.length > longTextBytes ? bytes : bytes.toString();
}

function textAt(plain: Buffer, span: Span | undefined): Buffer {
  return plain.subarray(span?.start, span?.end);
}

/**
 * The JSON is our own: a quote within a text is escaped, so what looks like the name of a field is one. A text with escapes
 * is left to the parser: neither base64 nor a ciphertext needs any. The span ends at its closing quote.
 */
function findText(plain: Buffer, name: string): Span | undefined {
  const mark = Buffer.from(`"${name}":"`);
  const at = plain.indexOf(mark);
  if (at < 0) return undefined;
  const start = at + mark.length;
  const end = plain.indexOf(quote, start);
  return end === start || plain.subarray(start, end).includes(backslash) ? undefined : { start, end };
}

/** The JSON with marks in place of these texts. */
function cutOut(plain: Buffer, texts: readonly (readonly [Span | undefined, string])[]): string {
  const found = texts.flatMap(([span, mark]) => (span === undefined ? [] : [{ ...span, mark }]));
  const inOrder = found.toSorted((a, b) => a.start - b.start);
  return textWithout(plain, inOrder, (index) => inOrder[index]?.mark ?? '');
}
