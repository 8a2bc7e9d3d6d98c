import { expect } from 'vitest';

/** Matches a text that contains all of these, in this order. */
export function holding(...texts: readonly string[]): unknown {
  const parts = texts.map((text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return expect.stringMatching(new RegExp(parts.join('.*'), 's'));
}
