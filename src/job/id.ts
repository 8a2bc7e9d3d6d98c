// Creates and parses job ids, which have the form of MongoDB object ids.

import { randomBytes } from 'node:crypto';

const pattern = /^[0-9a-f]{24}$/;

/** 8 hex digits of Unix time, as the format requires, then 16 random ones. Nothing is ordered by the time, so it may be wrong. */
export function newJobId(now: Date = new Date()): string {
  const seconds = Math.floor(now.getTime() / 1000);
  return seconds.toString(16).padStart(8, '0') + randomBytes(8).toString('hex');
}

/** The id in its stored form, or undefined when the text is not a job id. Capitals, and blanks around it, are accepted. */
export function parseJobId(text: string): string | undefined {
  const id = text.trim().toLowerCase();
  return pattern.test(id) ? id : undefined;
}
