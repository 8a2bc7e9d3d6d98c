import { jobUser } from '../container/container.js';

/** How jobs find themselves when they ask who they are; the container runtime takes the home directory from it. */
const line = `gostint:x:${jobUser.uid}:${jobUser.gid}:gostint:/tmp:/bin/sh\n`;

/**
 * The image's list of users with the job's own added at the end. `text` is undefined for an image without such a list.
 * An image that gives the number to a user of its own is left as it is.
 */
export function addJobUser(text: string | undefined): string {
  if (text === undefined) return line;
  if (hasUser(text, jobUser.uid)) return text;
  const separator = text === '' || text.endsWith('\n') ? '' : '\n';
  return `${text}${separator}${line}`;
}

function hasUser(text: string, uid: number): boolean {
  return text.split('\n').some((entry) => entry.split(':')[2]?.trim() === String(uid));
}
