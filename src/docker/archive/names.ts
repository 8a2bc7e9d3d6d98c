// Decides by its name, type and link target whether an entry of the content is accepted.
import { type ArchiveRules, kernelDirectories, secretsFiles, systemDirectories } from './rules.js';

/** An entry as its header describes it. */
export interface EntryHeader {
  readonly name: string;
  readonly type: string | null;
  readonly target: string | undefined;
}

export type EntryKind = 'file' | 'directory' | 'link';

/** The name without `.` steps and doubled slashes; empty for the root itself. Only for names without `..`. */
export function normalizeName(name: string): string {
  return name
    .split('/')
    .filter((step) => step !== '' && step !== '.')
    .join('/');
}

/** The kind of the entry, or undefined for types that are never accepted: devices, FIFOs, hard links, unknown types. */
export function kindOf(type: string | null): EntryKind | undefined {
  if (type === 'file' || type === 'directory') return type;
  return type === 'symlink' ? 'link' : undefined;
}

/** Why an entry is refused, judged by its own type, name and target alone; undefined when it is accepted. */
export function findEntryProblem(header: EntryHeader, rules: ArchiveRules): string | undefined {
  return (
    findTypeProblem(header, rules) ??
    findNameProblem(header.name, rules) ??
    findPlaceProblem(normalizeName(header.name), kindOf(header.type), rules) ??
    (kindOf(header.type) === 'link' ? findTargetProblem(header, rules) : undefined)
  );
}

function findTypeProblem({ type }: EntryHeader, rules: ArchiveRules): string | undefined {
  const kind = kindOf(type);
  if (kind === undefined) return `it is ${describeType(type)}`;
  return kind === 'link' && !rules.allowLinks ? 'it is a link' : undefined;
}

function describeType(type: string | null): string {
  switch (type) {
    case 'link':
      return 'a hard link';
    case 'character-device':
    case 'block-device':
      return 'a device';
    case 'fifo':
      return 'a FIFO';
    default:
      return 'of an unknown type';
  }
}

function findNameProblem(name: string, { limits }: ArchiveRules): string | undefined {
  const steps = name.split('/');
  if (name === '') return 'it has no name';
  if (name.startsWith('/')) return 'its name is absolute';
  if (steps.includes('..')) return 'its name holds `..`';
  if (Buffer.byteLength(name) > limits.nameBytes) return `its name is longer than ${limits.nameBytes} bytes`;
  if (steps.some((step) => Buffer.byteLength(step) > longestStep))
    return `a part of its name is longer than ${longestStep} bytes`;
  if (steps.length > limits.depth) return `it lies deeper than ${limits.depth} directories`;
  if (unprintable.test(name)) return 'its name holds control characters';
  if (name.includes('\ufffd')) return 'its name is not UTF-8';
  if (steps.some((step) => step.startsWith('.wh.'))) return 'its name has a meaning in image layers';
  return undefined;
}

/** The longest part of a path that file systems accept, in bytes. */
const longestStep = 255;
/** Includes the marks that change the direction of writing: they make one name look like another. */
const unprintable = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

function findPlaceProblem(
  path: string,
  kind: EntryKind | undefined,
  { ownFiles }: ArchiveRules,
): string | undefined {
  const [top = ''] = path.split('/', 1);
  if (secretsFiles.includes(top)) return 'its place belongs to the secrets';
  if (kernelDirectories.includes(top)) return 'its place belongs to the kernel';
  if (ownFiles.some((own) => path.startsWith(`${own}/`) || (path === own && kind !== 'file')))
    return 'its place belongs to a file of stint';
  if (kind === 'directory') return undefined;
  if (systemDirectories.has(path)) return 'it would replace a system directory';
  if (ownFiles.some((own) => own.startsWith(`${path}/`)))
    return 'it would replace the directory of a file of stint';
  return path === '' ? 'it would replace the root' : undefined;
}

/**
 * Resolves the target from the link's own directory. It must not leave the root at any step, nor reach secrets or
 * kernel files.
 */
function findTargetProblem({ name, target }: EntryHeader, rules: ArchiveRules): string | undefined {
  if (target === undefined || target === '') return 'it is a link to nowhere';
  if (target.startsWith('/')) return 'it is a link to an absolute path';
  if (unprintable.test(target) || target.includes('\ufffd')) return 'its target holds odd characters';
  if (Buffer.byteLength(target) > rules.limits.nameBytes) return 'its target is too long';
  const reached = resolveTarget(normalizeName(name).split('/').slice(0, -1), target);
  if (reached === undefined) return 'it is a link that leads out';
  const [top = ''] = reached;
  if (secretsFiles.includes(top)) return 'it is a link to the secrets';
  return kernelDirectories.includes(top) ? "it is a link to the kernel's files" : undefined;
}

function resolveTarget(from: readonly string[], target: string): readonly string[] | undefined {
  const place = [...from];
  for (const step of target.split('/')) {
    if (step === '' || step === '.') continue;
    if (step !== '..') place.push(step);
    else if (place.pop() === undefined) return undefined;
  }
  return place;
}
