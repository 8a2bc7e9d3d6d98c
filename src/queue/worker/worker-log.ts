/** What a worker and its parts tell the log. */
export interface WorkerLog {
  info(message: string, facts?: object): void;
  error(message: string, facts?: object): void;
}
