// Reads the full names of jobs as commands have them.

import type { FullName } from '../find.js';

/** The session of a name without one. */
export const usualSession = 'default';

/** Split at the first dot. */
export function nameOf(text: string): FullName {
  const dot = text.indexOf('.');
  return dot < 0
    ? { session: usualSession, label: text }
    : { session: text.slice(0, dot), label: text.slice(dot + 1) };
}
