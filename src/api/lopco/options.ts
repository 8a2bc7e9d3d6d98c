// What the operator says of LOPCO's door.

import type { Limits } from '../../job/options/options.js';

/** Base addresses of registries that are not kept here; undefined: this one is. */
export interface ExternalRegistries {
  readonly machine?: string | undefined;
  readonly pipeline?: string | undefined;
}

export interface LopcoOptions {
  readonly registries: ExternalRegistries;
  /** So many jobs run their pipeline at once. */
  readonly mostRunning: number;
  /** So many workers of one stage run at once, where it has one for each input. */
  readonly parallel: number;
  /** Where workers reach this server, without a slash at its end; undefined: no job is taken. */
  readonly callbackUrl: string | undefined;
  /** Of the workers; undefined: the network of all jobs. */
  readonly network: string | undefined;
  /** The volume that holds the data cache. */
  readonly cacheVolume: string;
  /** Of one worker. */
  readonly limits: Limits;
  /** What removes a job's files from the data cache when it has ended; undefined: they stay. */
  readonly cleanUpImage: string | undefined;
  /** Secrets of call-backs are made of it. All nodes have the same. */
  readonly callbackKey: Uint8Array;
}
