import type { About } from './cells.js';
import type { Token } from './world.js';

export interface Role {
  readonly name: string;
  /** Undefined: it sends none. */
  readonly token: Token | undefined;
  readonly kind: 'nobody' | 'caller' | 'lead' | 'auditor' | 'operator';
}

/** Whoever asks. The submitter of a job is a stranger to every other one. */
export const roles: readonly Role[] = [
  { name: 'nobody', token: undefined, kind: 'nobody' },
  { name: 'a submitter', token: 's.token1', kind: 'caller' },
  { name: 'somebody with all rights in the queue', token: 's.lead', kind: 'lead' },
  { name: 'an auditor', token: 's.auditor', kind: 'auditor' },
  { name: 'an operator by right', token: 's.right', kind: 'operator' },
  { name: 'an operator by policy', token: 's.operator', kind: 'operator' },
];

export const targets = ['own', 'foreign', 'missing'] as const;
export type Target = (typeof targets)[number];

/**
 * What a caller gets. `missing`: exactly what it gets where there is nothing. `refused`: nothing is done of what it may only see.
 * `forbidden`: 403, whatever there is.
 */
export type Answer = 'done' | 'missing' | 'refused' | 'forbidden' | 'no token';

/** For what is its own, for what is somebody else's, and for what is not there. */
type Answers = readonly [Answer, Answer, Answer];

const always: Answers = ['done', 'done', 'done'];
const ownOnly: Answers = ['done', 'missing', 'missing'];
const all: Answers = ['done', 'done', 'missing'];
const seesOnly: Answers = ['done', 'refused', 'missing'];
const forbidden: Answers = ['forbidden', 'forbidden', 'forbidden'];
const noToken: Answers = ['no token', 'no token', 'no token'];

type ByKind = Readonly<Record<Exclude<Role['kind'], 'nobody'>, Answers>>;

const everybody = (answers: Answers): ByKind => ({
  caller: answers,
  lead: answers,
  auditor: answers,
  operator: answers,
});
const reading: ByKind = { caller: ownOnly, lead: all, auditor: all, operator: all };
const changing: ByKind = { caller: ownOnly, lead: all, auditor: seesOnly, operator: all };
/** Documents are in no queue. */
const readingDocuments: ByKind = { caller: ownOnly, lead: ownOnly, auditor: all, operator: all };

const answers: Readonly<Record<Exclude<About, 'channel'>, ByKind>> = {
  open: everybody(always),
  exchange: everybody(noToken),
  caller: everybody(always),
  submit: everybody(always),
  list: reading,
  listed: reading,
  read: reading,
  update: changing,
  delete: changing,
  documents: readingDocuments,
  document: readingDocuments,
  own: everybody(ownOnly),
  'own document': everybody(ownOnly),
  'operator read': { caller: forbidden, lead: forbidden, auditor: always, operator: always },
  'operator update': { caller: forbidden, lead: forbidden, auditor: forbidden, operator: always },
  'operator job': { caller: forbidden, lead: forbidden, auditor: forbidden, operator: all },
};

export function answerOf(about: About, { kind }: Role, target: Target): Answer {
  if (about === 'open') return 'done';
  if (kind === 'nobody') return 'no token';
  // A channel is opened by anybody and looks for its process then, as a request does that reads.
  return answers[about === 'channel' ? 'read' : about][kind][targets.indexOf(target)] ?? 'missing';
}
