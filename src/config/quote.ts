// Quotes a setting in an error message without showing credentials that it may contain.
/**
 * A setting's text as an error message may quote it. What stands before an `@` or after a `?` or `#` is replaced: it may
 * be credentials, also where the setting allows none and the text is refused for exactly that reason.
 */
export function quoteSetting(text: string): string {
  return JSON.stringify(text.replace(/^(\w+:\/\/)?.*@/s, '$1[secret]@').replace(/([?#]).*$/s, '$1[secret]'));
}

/** A path as an error message may quote it. By mistake, the secret itself may stand where the path of its file belongs. */
export function quotePath(path: string): string {
  return path.startsWith('/')
    ? JSON.stringify(path)
    : `a text of ${path.length} characters that begins with no \`/\``;
}
