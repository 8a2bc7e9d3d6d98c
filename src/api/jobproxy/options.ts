// Declares what an operator sets for JobProxy's door.

import type { PullPolicy } from '../../job/job.js';

export interface JobProxyOptions {
  /** For tasks without a container; undefined: they are refused. */
  readonly image: string | undefined;
  readonly pullPolicy: PullPolicy;
  /** What a plain number in `memory` counts. */
  readonly memoryUnitBytes: number;
  /** The serial queue of all tasks; `null`: they wait only for a slot. */
  readonly queue: string | null;
  /** Below it are the files of output; undefined: none are written. */
  readonly outputRoot: string | undefined;
}
