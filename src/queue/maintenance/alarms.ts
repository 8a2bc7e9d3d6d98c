// Logs and counts security alarms, such as a wrapping token that somebody else has used.
/** What an operator must know: a credential that somebody else has used, a stored request that was changed. */
export interface Alarm {
  /** None for a request that never became a job. */
  readonly jobId?: string | undefined;
  /** Stable, such as `wrap_used`. */
  readonly code: string;
  readonly message: string;
}

interface AlarmLog {
  error(message: string, facts?: object): void;
}

/** Alarms of this node since its start. Each is logged and counted for the metrics; its event is stored with the job, or its queue. */
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
