// Reads the file of rules by which jobs of single queues and doors may ask for more, and finds all that is wrong in it.
import { type Document, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { doors } from '../job/job.js';
import type { AllowRule } from '../job/options/rules.js';
import type { ReadFile } from './collect.js';
import { quotePath, quoteSetting } from './quote.js';
import { schema } from './schema.js';

export interface AllowRules {
  readonly rules: readonly AllowRule[];
  readonly problems: readonly string[];
}

/** Each is written as in its setting. */
const allowed = {
  images: asIn('STINT_ALLOW_IMAGES'),
  users: asIn('STINT_ALLOW_USERS'),
  networks: asIn('STINT_ALLOW_NETWORKS'),
  ports: asIn('STINT_ALLOW_PORTS'),
  mounts: asIn('STINT_ALLOW_MOUNTS'),
  volumes: asIn('STINT_ALLOW_VOLUMES'),
  capabilities: asIn('STINT_JOB_CAPABILITIES'),
  gpus: asIn('STINT_JOB_GPUS_MAX'),
};

function asIn<Name extends keyof typeof schema.shape>(name: Name) {
  return z.preprocess(joined, schema.shape[name]).optional();
}

/** A list is what its texts with commas between them are. No setting takes an empty text. */
function joined(value: unknown): string {
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' ? value : '';
}

const ruleKeys: readonly string[] = ['queue', 'door', ...Object.keys(allowed)];

const longestQueue = 255;
const place = {
  /** Queues have names in lower case. */
  queue: z
    .string('a text')
    .max(longestQueue, `at most ${longestQueue} characters long`)
    .toLowerCase()
    .optional(),
  door: z.enum(doors, `one of ${doors.join(', ')}`).optional(),
};

/** Without a place it would hold for all jobs: one dash too many in the file, and so would what was meant for a few. */
const rule = z
  .strictObject({ ...place, ...allowed }, 'keys and values of a rule')
  .refine((given) => Object.keys(place).some((key) => key in given), 'one with a `queue` or a `door`')
  .refine((given) => Object.keys(allowed).some((key) => key in given), 'one that allows something')
  .transform(({ queue, door, mounts = [], volumes = [], gpus, ...same }): AllowRule => {
    return { queue, door, allows: { ...same, mounts: [...mounts, ...volumes], mostGpus: gpus } };
  });

const rulesShape = z.array(rule, 'a list of rules');

/** Without a path there are no rules. */
export function readAllowRules(path: string | undefined, readFile: ReadFile): AllowRules {
  if (path === undefined) return { rules: [], problems: [] };
  const file = quotePath(path);
  try {
    return parseRules(readFile(path), file);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    return {
      rules: [],
      problems: [`Expected STINT_ALLOW_RULES to name a readable file, got ${file} (${code}).`],
    };
  }
}

/** Every value stays the text that it is, whatever `0:0` or `no` means to YAML. */
function parseRules(text: string, file: string): AllowRules {
  const lines = new LineCounter();
  const document = parseDocument(text, { schema: 'failsafe', lineCounter: lines, prettyErrors: false });
  const lineAt = (offset = 0) => `line ${lines.linePos(offset).line} of ${file}`;
  if (document.errors.length > 0) {
    const problems = document.errors.map(
      ({ message, pos }) => `Expected YAML in ${lineAt(pos[0])}, got something else: ${message}.`,
    );
    return { rules: [], problems };
  }
  const { data: rules = [], error } = rulesShape.safeParse(contentOf(document));
  const problems = error?.issues.map((issue) => {
    const node = document.getIn(issue.path, true);
    const got = isScalar<string>(node) ? quoteSetting(node.value) : 'something else';
    return describe(issue, lineAt(isNode(node) ? node.range?.[0] : undefined), got);
  });
  return { rules, problems: problems ?? [] };
}

/** Undefined where an alias leads nowhere, or the same is repeated too often. */
function contentOf(document: Document): unknown {
  try {
    return document.toJS();
  } catch {
    return undefined;
  }
}

/** A value is in its key's line, or begins in the next one. */
function describe(issue: z.core.$ZodIssue, line: string, got: string): string {
  if (issue.code === 'unrecognized_keys')
    return `Expected the rule in ${line} to have no keys but ${ruleKeys.join(', ')}, got ${issue.keys.map(quoteSetting).join(', ')}.`;
  const [entry, key] = issue.path;
  const what = key === undefined ? (entry === undefined ? 'the text' : 'the rule') : `\`${String(key)}\``;
  return `Expected ${what} in ${line} to be ${issue.message}, got ${got}.`;
}
