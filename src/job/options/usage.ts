// What a running job uses of its node, as far as its engine can tell.

/** Of all processes of a job together, at one moment. What the engine cannot tell is undefined. */
export interface ProcessUsage {
  /** Number of the job's first process on the engine's host. */
  readonly osPid: number | undefined;
  /** Of one CPU, since the start: 200 where two were always busy. */
  readonly cpuPercent: number | undefined;
  /** Of the memory of the host. */
  readonly memoryPercent: number | undefined;
  readonly residentBytes: number | undefined;
  readonly virtualBytes: number | undefined;
  readonly cpuTimeMs: number | undefined;
}
