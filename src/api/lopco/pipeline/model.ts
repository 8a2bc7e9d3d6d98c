// The types of a pipeline: its stages as they were read, and how far a job is with them.

import type { FailureReason } from '../../../job/state.js';

/** A value that a worker hands on. */
export type Value = string | number | boolean;

/** What a worker gave, or gets: fields by name. */
export type Fields = Readonly<Record<string, Value | null>>;

/** One result of a stage. `null`: it is done and hands nothing on. */
export type Output = Fields | null;

/** What one worker gets. */
export type Input = Readonly<Record<string, Value>>;

/** One step of a pipeline, as `readPipeline` makes it of the registry's document. */
export interface Stage {
  readonly id: string;
  readonly workerId: string;
  readonly image: string;
  /** Where the data cache is in its container. */
  readonly cachePath: string;
  readonly configs: Input;
  /** `single`: one worker for each input. `multiple`: one worker for all of them. */
  readonly inputType: 'single' | 'multiple';
  /** The outputs that are names of files in the data cache; undefined: not declared. */
  readonly fileFields: readonly string[] | undefined;
  /** Name of the input to its source: `field` of the stage before, or `n:field`. */
  readonly inputMap: Readonly<Record<string, string>>;
}

/** What the registry says of a machine. */
export interface Machine {
  readonly pipelineId: string;
  readonly platformId: string | undefined;
  readonly platformTypeId: string | undefined;
}

/** What is known of a job from the start. */
export interface Plan {
  /** Its workers have a login at Vault. Read by nodes of the version before, which let nobody clean up then. */
  readonly sharesLogin: boolean;
}

/**
 * How far a job is. It is stored in the clear, so it holds no secret: those of the call-back are made of the server's own key
 * (`secret.ts`). What only the planner needs is left out once the job has ended.
 */
export interface Progress {
  readonly machineId: string;
  readonly fileName: string;
  /** Undefined: not looked up yet. */
  readonly machine?: Machine | undefined;
  readonly pipeline?: readonly Stage[] | undefined;
  /** How often a registry did not answer. */
  readonly lookUps?: number | undefined;
  /** Those that have ended, in order. */
  readonly done: readonly DoneStage[];
  readonly current?: CurrentStage | undefined;
  /** No further stage is run. */
  readonly over?: Over | undefined;
  /** How many of its files were removed from the data cache, or are being removed. */
  readonly removed?: number | undefined;
}

/** What the job's clients see of a stage. */
export interface DoneStage {
  readonly id: string;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly started: string;
  readonly completed: string;
  /** The instances of its workers: their output is the stage's log. */
  readonly workers: readonly string[];
}

/** The stage that runs. */
export interface CurrentStage {
  readonly started: string;
  readonly inputs: readonly Input[];
  readonly outputs: readonly Output[];
  readonly workers: readonly string[];
  /** The first that is awaited; undefined: the next one is to be started. */
  readonly worker?: Worker | undefined;
  /** Those that run beside it, in the order of their inputs. */
  readonly beside?: readonly Worker[] | undefined;
}

/** A worker whose result is awaited. */
export interface Worker {
  readonly instance: string;
  /** Undefined: it has not called back. */
  readonly result?: readonly Output[] | undefined;
  /** Undefined: its container has not ended. */
  readonly end?: WorkerEnd | undefined;
}

export interface WorkerEnd {
  readonly at: string;
  /** Why there will be no result; undefined where one may still be on its way. */
  readonly failure?: Failure | undefined;
  /** Nobody knows how it ended; while its container ran it may have called back. */
  readonly isLost?: boolean;
}

/** Why a job failed. */
export interface Failure {
  readonly reason: FailureReason;
  readonly code: string;
  readonly message: string;
  /** Of the worker to blame, where it had one. */
  readonly exitCode?: number | undefined;
}

export type Over = { readonly failure?: Failure | undefined };
