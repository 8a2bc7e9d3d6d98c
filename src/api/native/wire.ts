// The JSON schemas of the native routes: the types of the code and the OpenAPI document both come from them.

import { z } from 'zod';
import { failureReasons, jobStates } from '../../job/state.js';

// What is not known is `null`: a missing field could be a forgotten one.

/** Limit for a reason, in characters. */
export const longestReason = 500;
/** Highest value for a queue's own limit of waiting jobs. */
export const mostWaiting = 1_000_000;

const time = z.iso.datetime().meta({ description: 'UTC, with milliseconds.' });
const jobId = z.string().regex(/^[0-9a-f]{24}$/);
const count = z.int().min(0);
const flag = z.boolean();
const text = z.string();

export const wireQueue = z.strictObject({
  name: text,
  path: text.meta({ description: 'Where the queue is found: its name may need escapes.' }),
  state: z.enum(['open', 'paused', 'held']).meta({ description: '`held` says that something is wrong.' }),
  holder: z
    .strictObject({
      id: jobId,
      state: z.enum(jobStates),
      node: text.nullable(),
      message: text.nullable().meta({ description: 'Why it waits although it has the turn.' }),
    })
    .nullable()
    .meta({ description: 'The job that has the turn.' }),
  waiting: count.meta({ description: 'Jobs behind the one that has the turn.' }),
  oldest_since: time.nullable(),
  pause: z.strictObject({ at: time, by: text, reason: text }).nullable(),
  hold: z
    .strictObject({
      job: jobId.nullable(),
      reason: text,
      until: time.nullable().meta({ description: '`null`: until an operator releases the queue.' }),
    })
    .nullable(),
  max_waiting: z.int().min(1).nullable().meta({ description: '`null`: what STINT_QUEUE_LIMIT says.' }),
  hold_on_failure: flag,
});

export const wireQueueDetail = wireQueue.extend({
  why: text.meta({ description: 'One sentence: why the first waiting job does not run.' }),
});

export const wireQueues = z.strictObject({ queues: z.array(wireQueue) });

export const wireNode = z.strictObject({
  id: text,
  alive: flag,
  draining: flag.meta({ description: 'It takes no more jobs.' }),
  version: text,
  slots: count,
  active: count.meta({ description: 'Jobs that it holds now.' }),
  engine_id: text.nullable().meta({ description: '`null`: its engine has not answered yet.' }),
  started_at: time,
  seen_at: time,
});

export const wireNodes = z.strictObject({ nodes: z.array(wireNode) });

export const wireJobDetail = z.strictObject({
  id: jobId,
  queue: text.nullable(),
  door: text.meta({ description: 'The API that it came through.' }),
  owner: text,
  state: z.enum(jobStates),
  reason: z.enum(failureReasons).nullable(),
  code: text.nullable().meta({ description: 'A stable word that refines the reason.' }),
  message: text.nullable(),
  node: text.nullable(),
  fence: text.nullable().meta({ description: 'The number of its latest claim.' }),
  submitted_at: time,
  started_at: time.nullable(),
  finished_at: time.nullable(),
  wrap_expires_at: time.nullable(),
  kill: z
    .strictObject({
      at: time,
      by: text.nullable(),
      trouble: text.nullable().meta({ description: 'Why a kill is not carried out that should have been.' }),
    })
    .nullable(),
  image: text.nullable(),
  image_id: text.nullable(),
  image_digest: text
    .nullable()
    .meta({ description: 'By which its registry knows the image that ran; null where none has it.' }),
  container_id: text.nullable(),
  published_ports: z
    .array(z.strictObject({ container: z.int(), host: z.int() }))
    .meta({ description: 'Ports of the node, as the engine published them.' }),
  exit_code: z.int().nullable(),
  out_of_memory: flag,
  name: text.nullable().meta({ description: 'As its own door lists it.' }),
  project: text.nullable(),
  requester: text.nullable().meta({ description: 'A label that the client gave, no identity.' }),
  options: z
    .record(text, z.unknown())
    .meta({ description: 'What the job asked of its container: user, network, ports, mounts, limits.' }),
  parent: jobId.nullable().meta({ description: 'The job that started it.' }),
  is_parent: flag.meta({ description: 'It runs no container, but starts other jobs.' }),
  unlisted_at: time.nullable().meta({ description: 'Since when its own door no longer lists it.' }),
  output: z.strictObject({
    stdout_bytes: count,
    stderr_bytes: count,
    complete: flag,
    flaw: text.nullable().meta({ description: 'Why bytes may be missing.' }),
  }),
  token: z
    .enum(['none', 'live', 'pending', 'revoked'])
    .meta({ description: "The job's Vault token. `pending`: to be revoked." }),
  events: z.array(
    z.strictObject({ at: time, kind: text, actor: text, detail: z.record(z.string(), z.unknown()) }),
  ),
});

export const wireCandidate = z.strictObject({
  container_id: text,
  container_name: text,
  job: jobId.nullable(),
  node: text.meta({ description: 'The node that made it.' }),
  age_ms: z.number().meta({ description: "By the engine's clock." }),
  reason: z.enum(['job_ended', 'job_unknown', 'helper_left']),
});

export const wireCandidates = z.strictObject({ containers: z.array(wireCandidate) });

/** Which jobs were given a secret. */
export const wireSecretReads = z.strictObject({
  path: text,
  reads: z.array(
    z.strictObject({
      job: jobId.meta({ description: 'It may have been deleted.' }),
      at: time,
      actor: text.meta({ description: 'The node that read it.' }),
      version: z.int().nullable().meta({ description: 'Of version 2 of the KV engine.' }),
      keys: z.array(text),
      lease: text.nullable().meta({ description: 'SHA-256 of the id of its lease, in hex.' }),
    }),
  ),
  next: text.nullable().meta({ description: 'The `after` of the next page; null: this is the last.' }),
});

/** The head of the chain over the history, signed. */
export const wireHead = z.strictObject({
  format: text,
  installation: text.meta({ description: 'The head of link 0, in hex.' }),
  number: text.meta({ description: 'Of the link.' }),
  head: text.meta({ description: 'In hex.' }),
  taken_at: time,
  key: text.nullable(),
  key_version: z.int().nullable(),
  public_key: text.nullable().meta({ description: 'Ed25519, in base64.' }),
  signature: text.nullable().meta({ description: 'In base64; docs/audit.md says over what.' }),
});

/** The reason for an operator's action. */
export const wireReason = z.strictObject({
  reason: text.min(1).max(longestReason).meta({ description: 'One line for the history.' }),
});

export const wireSettings = z.strictObject({
  max_waiting: z.int().min(1).max(mostWaiting).nullable().optional(),
  hold_on_failure: flag.optional(),
});

/** Problem details by RFC 9457. */
export const wireProblem = z.strictObject({
  type: text,
  title: text,
  status: z.int(),
  detail: text,
  code: text.meta({ description: 'A stable word, more exact than the number.' }),
});

export type WireQueue = z.infer<typeof wireQueue>;
export type WireQueueDetail = z.infer<typeof wireQueueDetail>;
export type WireNode = z.infer<typeof wireNode>;
export type WireJobDetail = z.infer<typeof wireJobDetail>;
export type WireSecretReads = z.infer<typeof wireSecretReads>;
export type WireCandidate = z.infer<typeof wireCandidate>;
