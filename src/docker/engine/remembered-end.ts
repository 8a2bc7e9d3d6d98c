// Reads the end of a container from the engine's events.
import type { RememberedEnd } from './engine.js';

interface ContainerEvent {
  readonly Action?: unknown;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, unknown>> | null } | null;
  /** In seconds. */
  readonly time?: unknown;
  readonly timeNano?: unknown;
}

/** Takes the events `die` and `kill` of one container, as the engine sends them. */
export function toRememberedEnd(events: readonly ContainerEvent[]): RememberedEnd {
  const end = events.find(({ Action: action }) => action === 'die');
  const wasSignalled = events.some(({ Action: action }) => action === 'kill');
  return { endedAt: end && toTime(end), wasSignalled };
}

/** Whether one of these events is a signal that no process can catch. Docker tells it as a number. */
export function hasKill(events: readonly ContainerEvent[]): boolean {
  return events.some(
    ({ Action: action, Actor: actor }) =>
      action === 'kill' && /^(?:9|(?:SIG)?KILL)$/i.test(String(actor?.Attributes?.signal)),
  );
}

function toTime({ time, timeNano }: ContainerEvent): Date {
  return new Date(typeof timeNano === 'number' ? Math.floor(timeNano / 1e6) : Number(time) * 1_000);
}
