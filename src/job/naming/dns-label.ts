// What a label of the domain name system looks like: the names of projects, and of jobs.

/** Lower-case letters, digits and hyphens, none of which is first or last; 63 characters at most. */
export function isLabel(text: string): boolean {
  return text.length <= 63 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(text);
}
