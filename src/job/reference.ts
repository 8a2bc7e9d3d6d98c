// Checks the form of secret references, `NAME@PATH.KEY`, and explains what is wrong with one.

/** Its groups are the variable, the Vault path and the key. Neither path nor key may hold a dot. */
export const secretReferencePattern = /^(\w+)@([\w\-/]+)\.([\w-]+)$/;

const longestVariable = 255;
const longestReference = 4096;

/** Why a text is not a secret reference, as a hint at what to change; undefined when it is one. */
export function findReferenceProblem(text: string): string | undefined {
  if (text.length > longestReference) return `it is longer than ${longestReference} characters`;
  const match = secretReferencePattern.exec(text);
  if (match === null) return guessProblem(text);
  const tooLong = (match[1] ?? '').length > longestVariable;
  return tooLong ? `the name is longer than ${longestVariable} characters` : undefined;
}

/** What is wrong with the path of a secret, to complete "Expected … to be the path of a secret"; undefined when it is one. */
export function findPathProblem(path: string): string | undefined {
  if (path.length > longestReference) return `it is longer than ${longestReference} characters`;
  if (/^[\w\-/]*[\w-][\w\-/]*$/.test(path)) return undefined;
  return 'it must be letters, digits, `_`, `-` and `/`, without a name before it or a key behind it';
}

/** The most likely mistake. The order matters: each guess assumes that the ones before did not apply. */
function guessProblem(text: string): string {
  const at = text.indexOf('@');
  if (text === '') return 'it is empty';
  if (/\s/.test(text)) return 'it holds white space';
  if (at < 0) return 'the `@` between name and path is missing';
  if (text.indexOf('@', at + 1) >= 0) return 'it holds a second `@`';
  if (!/^\w+$/.test(text.slice(0, at))) return 'the name must be letters, digits and `_`';
  return guessPathProblem(text.slice(at + 1));
}

function guessPathProblem(rest: string): string {
  const dots = rest.split('.').length - 1;
  if (rest.includes('..')) return 'a Vault path cannot hold `..`';
  if (dots === 0) return 'the `.KEY` at the end is missing';
  if (dots > 1) return 'neither path nor key may hold a dot, only one stands between them';
  const [path = '', key = ''] = rest.split('.');
  if (path === '') return 'the path before the dot is missing';
  if (key === '') return 'the key after the dot is missing';
  if (key.includes('/')) return 'the path holds a dot, or the `.KEY` at the end is missing';
  return 'path and key must be letters, digits, `_` and `-`, and `/` within the path';
}
