const segmentShape = /^[\w~:@+=,.-]+$/;

/**
 * A path below `/v1/`, encoded, from pieces that may hold slashes themselves. Undefined when a segment is empty, is
 * `.` or `..`, or holds anything unusual: the URL parser folds `..`, and `?` or `#` would cut the path, so that the
 * request would leave the mount that was checked.
 */
export function encodePath(...pieces: readonly string[]): string | undefined {
  const segments = pieces.join('/').split('/');
  const safe = segments.every((segment) => segmentShape.test(segment) && !/^\.+$/.test(segment));
  return safe ? segments.map((segment) => encodeURIComponent(segment)).join('/') : undefined;
}

/** The same for paths made of settings, which were checked when they were read: anything else is a bug. */
export function pathOf(...pieces: readonly string[]): string {
  const path = encodePath(...pieces);
  if (path === undefined)
    throw new Error(`Expected a plain Vault path, got ${JSON.stringify(pieces.join('/'))}.`);
  return path;
}

/** What may stand in a token header; nothing else is ever sent to Vault. */
export function isTokenShaped(text: string): boolean {
  return /^[!-~]{1,4096}$/.test(text);
}
