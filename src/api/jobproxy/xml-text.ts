// Decodes the bytes of an XML document, and writes texts into one.

import { isUtf8 } from 'node:buffer';

export type Decoded = { readonly text: string } | { readonly problem: string };

const declared = /^<\?xml[^>]{0,200}?\sencoding\s*=\s*["']([\w.:-]{1,40})["']/;
const latin1 = new Set(['iso-8859-1', 'latin1', 'iso_8859-1', 'l1']);
const utf8 = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);

/** By the charset of the content type, else by what the document declares, else UTF-8. */
export function decodeXml(given: Buffer, charset: string | undefined): Decoded {
  const hasMark = given.length >= 3 && given.readUIntBE(0, 3) === 0xefbbbf;
  const bytes = hasMark ? given.subarray(3) : given;
  const said = declared.exec(bytes.toString('latin1', 0, 300))?.[1]?.toLowerCase();
  const encoding = hasMark ? 'utf-8' : (charset ?? said ?? 'utf-8');
  if (latin1.has(encoding)) return { text: bytes.toString('latin1') };
  if (!utf8.has(encoding))
    return { problem: 'Expected the body to be XML in UTF-8 or ISO-8859-1, got another encoding.' };
  if (!isUtf8(bytes)) return { problem: 'Expected the body to be text in UTF-8, got other bytes.' };
  return { text: bytes.toString('utf8') };
}

/** All C0 characters but three, and two that are no characters. */
const forbidden = /(?![\t\n\r\u007f-\u009f])\p{Cc}|[\ufffe\uffff]/gu;
const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '\r': '&#13;' };

/** Characters that no XML document may hold become U+FFFD. */
export function escapeXml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(forbidden, '\ufffd')
    .replaceAll(/[&<>\r]/g, (sign) => escapes[sign] ?? sign);
}
