// Sends and receives notifications between nodes through LISTEN and NOTIFY.
import type { DatabaseAddress } from './address.js';
import type { Sql } from './connection.js';
import { newClient } from './connection.js';
import { guarded } from './errors.js';
import { RenewedClient } from './renewed.js';

/** Channel to all nodes: a job became ready. */
const readyChannel = 'stint_ready';
/** Channel to all nodes: a kill was asked for; the payload is the job's id. */
const killChannel = 'stint_kill';
/** Channel to all nodes: a running job is to get a signal; the payload is the job's id and the signal's number. */
const signalChannel = 'stint_signal';
/** Channel to all nodes: something waits for the standard input of a job; the payload is the job's id. */
const inputChannel = 'stint_input';

export interface Notifier extends AsyncDisposable {
  /** Wakes the nodes. Calls within a few milliseconds become one notification: it says that there is work, not how much. */
  notifyReady(): void;
  notifyKill(jobId: string): void;
  notifySignal(jobId: string, signal: number): void;
  notifyInput(jobId: string): void;
}

export interface NotificationHandlers {
  /** A job became ready, or the connection was lost and a notification may have been missed. */
  readonly onReady: () => void;
  readonly onKill: (jobId: string) => void;
  readonly onSignal?: (jobId: string, signal: number) => void;
  readonly onInput?: (jobId: string) => void;
  readonly onFailure: (error: unknown) => void;
}

const coalesceMs = 10;

/** Listens on a connection of its own. When that is lost it listens again; `onReady` is then called, for what was missed. */
export async function openNotifier(
  address: DatabaseAddress,
  sql: Sql,
  handlers: NotificationHandlers,
): Promise<Notifier> {
  const listener = await startListening(address, handlers);
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
    notifyInput: (jobId) => send(inputChannel, jobId),
    notifySignal: (jobId, signal) => send(signalChannel, `${jobId} ${signal}`),
    [Symbol.asyncDispose]: async () => {
      clearTimeout(pending);
      await listener[Symbol.asyncDispose]();
    },
  };
}

/**
 * The driver's own `listen` begins anew for each channel at each lost connection and forgets nothing that waits: while the
 * server is a standby these statements pile up. One statement for each connection cannot.
 */
async function startListening(
  address: DatabaseAddress,
  handlers: NotificationHandlers,
): Promise<AsyncDisposable> {
  const begun: Promise<void>[] = [];
  const listener = new RenewedClient(address, (parts, url) => {
    const client = newClient(url, { max: 1, ...parts, onNotification: dispatchTo(handlers) });
    const channels = [readyChannel, killChannel, signalChannel, inputChannel];
    const listening = guarded(() => client.unsafe(channels.map((channel) => `listen ${channel}`).join('; ')));
    if (begun.length === 0) begun.push(listening.then(handlers.onReady));
    else listening.then(handlers.onReady, parts.onLoss);
    return { face: client, end: (options) => client.end(options) };
  });
  try {
    await begun[0];
    return listener;
  } catch (error) {
    await listener[Symbol.asyncDispose]();
    throw error;
  }
}

function dispatchTo({ onReady, onKill, onSignal, onInput }: NotificationHandlers) {
  return (channel: string, payload: string) => {
    const [jobId = '', signal] = payload.split(' ');
    if (channel === killChannel) onKill(payload);
    else if (channel === inputChannel) onInput?.(payload);
    else if (channel === signalChannel) onSignal?.(jobId, Number(signal));
    else onReady();
  };
}
