import { randomBytes } from 'node:crypto';

const pattern = /^[0-9a-f]{24}$/;

/** A new job id: 8 hex digits of Unix time, as its format wants, then 16 random ones. The time may be wrong: nothing is ordered by it. */
export function newJobId(now: Date = new Date()): string {
  const seconds = Math.floor(now.getTime() / 1000);
  return seconds.toString(16).padStart(8, '0') + randomBytes(8).toString('hex');
}

/** The id in its stored form, or undefined when the text is no job id. Blanks around it and capitals are accepted. */
export function parseJobId(text: string): string | undefined {
  const id = text.trim().toLowerCase();
  return pattern.test(id) ? id : undefined;
}
