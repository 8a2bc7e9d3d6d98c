// The types of the job model: its fields, its spec, the request for it and the stored job.

import type { ContentText } from './content.js';
import type { IdentityEnv } from './naming/identity-env.js';
import type { ContainerOptions, PublishedPort } from './options/options.js';
import type { Owner } from './owner.js';
import type { Secret } from './secret.js';
import type { FailureReason, JobState } from './state.js';

export const pullPolicies = ['Always', 'IfNotPresent', 'Never'] as const;
export type PullPolicy = (typeof pullPolicies)[number];

export const secretFileTypes = ['yaml', 'json'] as const;
export type SecretFileType = (typeof secretFileTypes)[number];

/**
 * The fields of a job as one source gives them: the request, the decrypted payload, the content's or the image's
 * metadata. All are optional here; `layer` makes a `JobSpec` of several.
 */
export interface SpecFields {
  readonly queue?: string;
  readonly image?: string;
  readonly pullPolicy?: PullPolicy;
  /** Replaces the image's entrypoint when not empty. */
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly workingDirectory?: string;
  /** `NAME=value` in order. */
  readonly env?: readonly string[];
  readonly tty?: boolean;
  /** Whether an init process of ours is process 1. Not given: as the image needs it. */
  readonly init?: boolean;
  /** A base64 archive, with or without the `targz,` prefix, to be laid over `/`. */
  readonly content?: ContentText;
  /** `NAME@PATH.KEY`. */
  readonly secretRefs?: readonly string[];
  readonly secretFileType?: SecretFileType;
  readonly continueOnWarnings?: boolean;
  /** The path of a secret with a login for the registry of the image. */
  readonly registryRef?: string;
  /** Only of a request: neither a payload nor metadata may ask for them. */
  readonly options?: ContainerOptions;
}

/** The complete description of a run, for the executor and the backend. Never stored, because `env` may hold secrets. */
export interface JobSpec {
  readonly image: string;
  readonly pullPolicy: PullPolicy;
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workingDirectory: string | undefined;
  readonly env: readonly string[];
  readonly tty: boolean;
  readonly init: boolean | undefined;
  /** The decoded archive, still compressed; checked, not yet re-packed. */
  readonly content: Uint8Array | undefined;
  /** All references but those of the image's metadata; a later entry for the same variable replaces an earlier one. */
  readonly secretRefs: readonly string[];
  readonly secretFileType: SecretFileType;
  readonly continueOnWarnings: boolean;
  readonly registryRef: string | undefined;
  readonly options: ContainerOptions;
}

/** Where the payload of a request is. Reading a cubbyhole spends its token. */
export type PayloadSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'cubbyhole'; readonly token: Secret; readonly path: string }
  | { readonly kind: 'ciphertext'; readonly ciphertext: Ciphertext };

/** A ciphertext of the transit engine, or the bytes of that text: a long one does not become a text of V8 before it must. */
export type Ciphertext = string | Uint8Array;

/** A job as a door has read it from a request, not yet stored. */
export interface JobRequest {
  readonly door: Door;
  /** Name of the serial queue, lower-cased; `null` for a job that waits only for a slot. */
  readonly queue: string | null;
  readonly owner: Owner;
  /** Undefined: a job without a Vault identity. It gets no session, no token and no secrets file. */
  readonly wrappedSecretId: Secret | undefined;
  readonly payload: PayloadSource;
  readonly fields: SpecFields;
  readonly label?: JobLabel | undefined;
  /** The job gets a name that begins so; only where `label` has none. */
  readonly namePrefix?: string | undefined;
  /** How long after its end the job is still listed by its door; undefined: until it is taken off. */
  readonly unlistAfterMs?: number | undefined;
  readonly identityEnv?: IdentityEnv;
  /** The job is a parent: `fields` are for its children. */
  readonly parent?: NewParent | undefined;
}

/** What a door's planner starts from. */
export interface NewParent {
  /** Sealed: it may hold secrets. */
  readonly plan: unknown;
  /** Stored in the clear. */
  readonly progress: unknown;
  /** Where its children run, if elsewhere than it does itself: whoever submits it must be let in there too. */
  readonly childQueue?: string | undefined;
}

/** How the clients of a door call a job. None of it is an identity, and none is secret. */
export interface JobLabel {
  /** Listed once for each owner, door and project. */
  readonly name?: string | undefined;
  readonly project?: string | undefined;
  /** In the door's own word, where it lists several. */
  readonly kind?: string | undefined;
  /** Who asked for it, in the words of the client. */
  readonly requester?: string | undefined;
}

/** The name that a door lists a job under. */
export interface JobName {
  readonly door: Door;
  readonly project: string | undefined;
  readonly name: string;
}

export const doors = ['gostint', 'jobproxy', 'runai', 'gaffer', 'lopco'] as const;
export type Door = (typeof doors)[number];

/** A job as it is stored and shown. All times come from the database's clock. */
export interface Job {
  /** 24 lower-case hex digits; the first 8 are the creation time in Unix seconds, so ids sort by age. */
  readonly id: string;
  readonly door: Door;
  readonly queue: string | null;
  readonly owner: Owner;
  readonly label: JobLabel;
  readonly options: ContainerOptions;
  readonly state: JobState;
  /** Set exactly when `failed`. */
  readonly reason: FailureReason | undefined;
  /** Refines `reason`; also says why a queued job waits (`vault_unavailable`). */
  readonly code: string | undefined;
  /** One sentence for the owner: why the job failed, or why it still waits. */
  readonly message: string | undefined;
  /** The node that holds the job, or held it last; undefined for one that was never claimed. */
  readonly node: string | undefined;
  /** Resolved when the layers are known; undefined before. */
  readonly image: string | undefined;
  /** What its engine said: a digest of the image's configuration, manifest or index, by the engine. No key across nodes. */
  readonly imageId: string | undefined;
  /** By which its registry knows the image that ran; undefined where none has it. The same on every node. */
  readonly imageDigest: string | undefined;
  readonly tty: boolean;
  readonly containerId: string | undefined;
  /** Known once the container runs; empty where it publishes none. */
  readonly publishedPorts: readonly PublishedPort[];
  /** The container's exit status; undefined until known. */
  readonly exitCode: number | undefined;
  /** The kernel killed a process of the job for memory; the job itself may have continued. */
  readonly outOfMemory: boolean;
  readonly submittedAt: Date;
  /** When it was claimed; cleared when it returns to the queue. */
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  /** A kill was asked for: a request, not a state. The worker carries it out. */
  readonly killRequestedAt: Date | undefined;
  readonly killRequestedBy: string | undefined;
  /** Since when its own door no longer lists it. */
  readonly unlistedAt: Date | undefined;
  /** It runs no container, but starts other jobs: its children. */
  readonly isParent: boolean;
  /** The job that started it; undefined for one that a client submitted. */
  readonly parent: string | undefined;
  /** Its parent's own number for it. */
  readonly slot: number | undefined;
}
