// Adds the user of the jobs to the user list of an image.
import { jobUser } from '../container/container.js';

/** The entry of the jobs' user; the container runtime takes the home directory from it. */
const line = `gostint:x:${jobUser.uid}:${jobUser.gid}:gostint:/tmp:/bin/sh\n`;

/**
 * The image's `/etc/passwd` with the jobs' user added at the end. `text` is undefined for an image without such a file.
 * A list in which the image already uses the number is returned unchanged.
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
