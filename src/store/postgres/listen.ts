import type { Sql } from './connection.js';
import { newClient } from './connection.js';
import { guarded } from './errors.js';

/** Told to all nodes: a job became ready. */
const readyChannel = 'stint_ready';
/** Told to all nodes: a kill was asked for; the payload is the job's id. */
const killChannel = 'stint_kill';

export interface Notifier extends AsyncDisposable {
  /** Wakes the nodes. Calls within a few milliseconds become one: a nudge says "look", not "how many". */
  notifyReady(): void;
  notifyKill(jobId: string): void;
}

export interface NotificationHandlers {
  /** A job became ready, or the line was down and something may have been missed. */
  readonly onReady: () => void;
  readonly onKill: (jobId: string) => void;
  readonly onFailure: (error: unknown) => void;
}

const coalesceMs = 10;

/** Listens on a connection of its own, which reconnects by itself; whatever was missed meanwhile is looked up again. */
export async function openNotifier(url: string, sql: Sql, handlers: NotificationHandlers): Promise<Notifier> {
  const listener = await startListening(url, handlers);
  const send = (channel: string, payload: string) => {
    sql`select pg_notify(${channel}, ${payload})`.catch(handlers.onFailure);
  };
  let pending: NodeJS.Timeout | undefined;
  return {
    notifyReady: () => {
      pending ??= setTimeout(() => {
        pending = undefined;
        send(readyChannel, '');
      }, coalesceMs);
    },
    notifyKill: (jobId) => send(killChannel, jobId),
    [Symbol.asyncDispose]: async () => {
      clearTimeout(pending);
      await listener.end({ timeout: 5 });
    },
  };
}

/** A listener that could not start is ended: left alone it would go on trying for ever. */
async function startListening(url: string, handlers: NotificationHandlers): Promise<Sql> {
  const listener = newClient(url, { max: 1 });
  try {
    await guarded(() => listener.listen(readyChannel, handlers.onReady, handlers.onReady));
    await guarded(() => listener.listen(killChannel, handlers.onKill, handlers.onReady));
    return listener;
  } catch (error) {
    await listener.end({ timeout: 0 });
    throw error;
  }
}
