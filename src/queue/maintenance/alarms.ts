/** What an operator must hear of: a credential that was used by somebody else, a request that was changed. */
export interface Alarm {
  readonly jobId: string;
  /** Stable, such as `wrap_used`. */
  readonly code: string;
  readonly message: string;
}

interface AlarmLog {
  error(message: string, facts?: object): void;
}

/** Alarms of this node since its start: each is logged, and counted for the metrics. Its event is in the history. */
export class Alarms {
  readonly #log: AlarmLog;
  readonly #counts = new Map<string, number>();

  constructor(log: AlarmLog) {
    this.#log = log;
  }

  raise({ jobId, code, message }: Alarm): void {
    this.#counts.set(code, (this.#counts.get(code) ?? 0) + 1);
    this.#log.error(`security alarm: ${message}`, { jobId, code, alarm: true });
  }

  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
