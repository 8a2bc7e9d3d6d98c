// Sends and receives notifications between nodes through LISTEN and NOTIFY.
import type { Sql } from './connection.js';
import { newClient } from './connection.js';
import { guarded } from './errors.js';

/** Channel to all nodes: a job became ready. */
const readyChannel = 'stint_ready';
/** Channel to all nodes: a kill was asked for; the payload is the job's id. */
const killChannel = 'stint_kill';

export interface Notifier extends AsyncDisposable {
  /** Wakes the nodes. Calls within a few milliseconds become one notification: it says that there is work, not how much. */
  notifyReady(): void;
  notifyKill(jobId: string): void;
}

export interface NotificationHandlers {
  /** A job became ready, or the connection was lost and a notification may have been missed. */
  readonly onReady: () => void;
  readonly onKill: (jobId: string) => void;
  readonly onFailure: (error: unknown) => void;
}

const coalesceMs = 10;

/** Listens on its own connection. The driver reconnects it; `onReady` is then called, for notifications missed meanwhile. */
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

/** A listener that could not start is closed; otherwise the driver would try to connect for ever. */
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
