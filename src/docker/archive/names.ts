// Decides by its name, type and link target whether an entry of the content is accepted.
import type { Member, MemberType } from '../tar/members.js';
import { type ArchiveRules, kernelDirectories, secretsFiles, systemDirectories } from './rules.js';

/** The part of an entry that decides whether it is accepted. */
export type EntryHeader = Pick<Member, 'name' | 'type' | 'target'>;

export type EntryKind = 'file' | 'directory' | 'link';

/** The name without leading and doubled slashes and `.` steps; empty for the root itself. Only for names without `..`. */
export function normalizeName(name: string): string {
  return isOdd.test(name) ? stepsOf(name).join('/') : name;
}

/** Holds what `normalizeName` takes out. Few names do, and there may be 100,000. */
const isOdd = /(?:^|\/)(?:\.?\/|\.?$)/;

function stepsOf(name: string): string[] {
  return name.split('/').filter((step) => step !== '' && step !== '.');
}

/** The packed folder itself, which clients name ``, `/`, `.` or `./`. The root keeps the image's mode and owner. */
export function isRoot({ name, type }: Pick<EntryHeader, 'name' | 'type'>): boolean {
  return type === 'directory' && normalizeName(name) === '';
}

/** The kind that the entry becomes, or undefined for types that are never accepted: devices, FIFOs, unknown types. */
export function kindOf(type: MemberType): EntryKind | undefined {
  if (type === 'file' || type === 'directory' || type === 'link') return type;
  return type === 'hard_link' ? 'file' : undefined;
}

/** Why an entry is refused, judged by its own type, name and target alone; undefined when it is accepted. */
export function findEntryProblem(header: EntryHeader, rules: ArchiveRules): string | undefined {
  return (
    findTypeProblem(header, rules) ??
    findNameProblem(header.name, rules) ??
    findPlaceProblem(normalizeName(header.name), kindOf(header.type), rules) ??
    findLinkProblem(header, rules)
  );
}

function findTypeProblem({ type }: EntryHeader, rules: ArchiveRules): string | undefined {
  const kind = kindOf(type);
  if (kind === undefined) return `it is ${describeType(type)}`;
  return kind === 'link' && !rules.allowLinks ? 'it is a link' : undefined;
}

function describeType(type: MemberType): string {
  switch (type) {
    case 'device':
      return 'a device';
    case 'fifo':
      return 'a FIFO';
    case 'continuation':
      return 'the rest of a file that began in another archive';
    default:
      return 'of an unknown type';
  }
}

function findNameProblem(name: string, { limits }: ArchiveRules): string | undefined {
  const steps = stepsOf(name);
  if (name === '') return 'it has no name';
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

function findLinkProblem(header: EntryHeader, rules: ArchiveRules): string | undefined {
  if (header.type === 'link') return findTargetProblem(header, rules);
  return header.type === 'hard_link' ? findHardTargetProblem(header.target) : undefined;
}

/** The target of a hard link is a name in the archive, not a path relative to the link. */
function findHardTargetProblem(target: string): string | undefined {
  const steps = stepsOf(target);
  if (steps.length === 0) return 'it is a hard link to nowhere';
  return steps.includes('..') ? 'it is a hard link that leads out' : undefined;
}

/**
 * Resolves the target from the link's own directory. It must not leave the root at any step, nor reach secrets or
 * kernel files.
 */
function findTargetProblem({ name, target }: EntryHeader, rules: ArchiveRules): string | undefined {
  if (target === '') return 'it is a link to nowhere';
  if (target.startsWith('/')) return 'it is a link to an absolute path';
  if (unprintable.test(target) || target.includes('\ufffd')) return 'its target holds odd characters';
  if (Buffer.byteLength(target) > rules.limits.nameBytes) return 'its target is too long';
  const reached = resolveTarget(stepsOf(name).slice(0, -1), target);
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
