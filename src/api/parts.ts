// Declares what the app needs from the rest of the server.

import type { Door } from '../job/job.js';
import type { PolicyFor } from '../job/options/rules.js';
import type { IdentifyCaller } from '../job/owner.js';
import type { MemoryBudget } from '../job/payload/memory-budget.js';
import type { JobHistory } from '../queue/history.js';
import type { Reaper } from '../queue/maintenance/reaper.js';
import type { Operations } from '../queue/operations.js';
import type { Processes } from '../queue/processes.js';
import type { Queue } from '../queue/queue.js';
import type { Registry } from '../queue/registry.js';
import type { RightsParts } from '../queue/rights/caller-rights.js';
import type { Whereabouts } from '../queue/rights/whereabouts.js';
import type { Streams } from '../queue/streams.js';
import type { Flapping } from './gaffer/supervision/brake.js';
import type { CallerTurns } from './http/caller-turns.js';
import type { LongAnswers } from './http/long-answers.js';
import type { JobProxyOptions } from './jobproxy/options.js';
import type { LopcoOptions } from './lopco/options.js';
import type { ServiceTokenSettings } from './request/service-token.js';

/** All parts that the app uses. The app itself opens no port and starts nothing. */
export interface AppParts extends RightsParts {
  readonly queue: Queue;
  readonly registry: Registry;
  readonly history: JobHistory;
  readonly operations: Operations;
  readonly reaper: Reaper;
  readonly identify: IdentifyCaller;
  /** Who has no right to `create` in a queue may not submit there. */
  readonly submitNeedsRight: boolean;
  readonly whereabouts: Whereabouts;
  /** Undefined: every caller must send a token. */
  readonly serviceToken: ServiceTokenSettings | undefined;
  /** Those that are switched on. */
  readonly doors: readonly Door[];
  /** `shared`: every accepted token may see, kill and delete every job. */
  readonly access: 'owner' | 'shared';
  readonly jobproxy: JobProxyOptions;
  readonly lopco: LopcoOptions;
  /** What jobs may ask of their containers. */
  readonly policyFor: PolicyFor;
  readonly bodyLimitBytes: number;
  /** For the large bodies of all requests that are being read, and their jobs until they are stored. */
  readonly memory: MemoryBudget;
  readonly runai: RunaiSettings;
  readonly gaffer: GafferSettings;
  readonly callerTurns: CallerTurns;
  readonly longAnswers: LongAnswers;
  readonly processes: Processes;
  readonly streams: Streams;
  /** The next number for a process of gaffer's jobs. */
  readonly drawPid: () => Promise<number>;
  /** Shown to clients, which connect to Vault themselves; the second address is the one for browsers. */
  readonly vault: { readonly address: string; readonly externalAddress: string };
  /** Undefined when the engine is unavailable. */
  readonly engineState: () => Promise<EngineSummary | undefined>;
  readonly dependencies: readonly Dependency[];
  readonly isDraining: () => boolean;
  /** Draining because the process ends, not because an operator drained the node. */
  readonly isShuttingDown: () => boolean;
  /** The parts that can stop this node from taking jobs, each with the current reason, if there is one. */
  readonly blockers: () => readonly Blocker[];
  /** Security alarms since the start of this node, by code. */
  readonly alarms: () => ReadonlyMap<string, number>;
  /** Ended jobs that retention removed since the start of this node. */
  readonly removedJobs: () => number;
  readonly log: ApiLog;
}

/** What the planners of the doors are made of. */
export type PlannerParts = Pick<AppParts, 'runai' | 'gaffer' | 'drawPid' | 'lopco' | 'registry' | 'access'>;

/** What the operator says of Run:AI's door. */
export interface RunaiSettings {
  /** Undefined: any. */
  readonly projects: readonly string[] | undefined;
  /** The jobs of a project run one after another, in the queue of its name. */
  readonly serialProjects: boolean;
}

/** What the operator says of gaffer's door. */
export interface GafferSettings {
  /** Of jobs that name none; undefined: they are refused. */
  readonly image: string | undefined;
  /** Of jobs without a brake of their own. */
  readonly flapping: Flapping;
  /** Whose pages may call it. */
  readonly origins: readonly string[];
}

/** A part without which no job can run. */
export interface Dependency {
  /** Used to start a sentence: `Postgres`, `Vault`. */
  readonly name: string;
  /** Throws when the part is unavailable; the text of a `BrokenError` may be shown. */
  readonly check: () => Promise<void>;
}

export interface Blocker {
  /** A label of the metrics: `engine`, `vault`. */
  readonly part: string;
  readonly reason: string | undefined;
}

/** What the health answer reports about the container engine. */
export interface EngineSummary {
  readonly containers: number;
  readonly containersRunning: number;
  readonly containersPaused: number;
  readonly containersStopped: number;
  readonly images: number;
  readonly memTotalBytes: number;
  readonly architecture: string;
  readonly operatingSystem: string;
}

type Write = (message: string, facts?: Readonly<Record<string, unknown>>) => void;

/** The part of the log that the app writes to. */
export interface ApiLog {
  readonly info: Write;
  readonly warn: Write;
  readonly error: Write;
}
