// What names of jobs and projects look like: labels of DNS.

import { isLabel } from '../../job/naming/dns-label.js';
import { longestName } from '../../job/naming/generated-name.js';

/** Completes "name must be …"; undefined when the name is good. */
export function findNameProblem(name: string): string | undefined {
  if (name.length <= longestName && isLabel(name) && /^[a-z]/.test(name)) return undefined;
  return `lower-case letters, digits and hyphens, a letter first and no hyphen last, ${longestName} characters at most`;
}

export function findProjectProblem(project: string): string | undefined {
  if (isLabel(project)) return undefined;
  return `lower-case letters, digits and hyphens, no hyphen first or last, 63 characters at most`;
}
