/**
 * A setting's text as a problem may quote it: what stands before an `@` or behind a `?` or `#` may be credentials, even
 * where they do not belong and the text is refused for that very reason.
 */
export function quoteSetting(text: string): string {
  return JSON.stringify(text.replace(/^(\w+:\/\/)?.*@/s, '$1[secret]@').replace(/([?#]).*$/s, '$1[secret]'));
}

/** A path as a problem may quote it. Whoever mixes the settings up puts the secret itself where its file belongs. */
export function quotePath(path: string): string {
  return path.startsWith('/')
    ? JSON.stringify(path)
    : `a text of ${path.length} characters that begins with no \`/\``;
}
