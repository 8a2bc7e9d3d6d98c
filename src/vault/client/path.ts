// Builds Vault paths that cannot leave their mount, and checks the form of tokens.

const segmentShape = /^[\w~:@+=,.-]+$/;

/**
 * A path below `/v1/`, encoded, made of pieces that may hold slashes. Undefined when a segment is empty, is
 * `.` or `..`, or holds anything unusual: the URL parser folds `..`, and `?` or `#` would cut the path, so that the
 * request would leave the mount that was checked.
 */
export function encodePath(...pieces: readonly string[]): string | undefined {
  const segments = pieces.join('/').split('/');
  const safe = segments.every((segment) => segmentShape.test(segment) && !/^\.+$/.test(segment));
  return safe ? segments.map((segment) => encodeURIComponent(segment)).join('/') : undefined;
}

/** The same for paths made of settings. They were checked when they were read, so a bad one is a bug and throws. */
export function pathOf(...pieces: readonly string[]): string {
  const path = encodePath(...pieces);
  if (path === undefined)
    throw new Error(`Expected a plain Vault path, got ${JSON.stringify(pieces.join('/'))}.`);
  return path;
}

/** True for what may be sent in a token header; nothing else is ever sent to Vault as a token. */
export function isTokenShaped(text: string): boolean {
  return /^[!-~]{1,4096}$/.test(text);
}
