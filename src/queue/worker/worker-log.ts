// The part of the log that the queue's code needs, so that it does not depend on the server's.
/** The log levels that a worker and its parts use. */
export interface WorkerLog {
  info(message: string, facts?: object): void;
  error(message: string, facts?: object): void;
}
