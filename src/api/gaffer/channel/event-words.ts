// Says what a line in the history of a job is in gaffer's words.

import type { JobEvent } from '../../../queue/streams.js';
import { fullName } from '../answer.js';
import type { Progress } from '../supervision/progress.js';

/** An event as clients get it; `event` and the topic are added. */
export interface WireEvent {
  readonly word: string;
  /** The loaded job that it is about. */
  readonly name: string;
  /** Undefined: about the job as a whole. */
  readonly pid: number | undefined;
  readonly facts: Readonly<Record<string, unknown>>;
  /** Whether it is told of the job and of the process too, as `job.S.L.word` and `proc.P.word`. */
  readonly isTwofold: boolean;
}

const ofJobs: Readonly<Record<string, readonly string[]>> = {
  submitted: ['load', 'start'],
  gaffer_started: ['start'],
  gaffer_stopped: ['stop'],
  gaffer_reloaded: ['stop', 'start'],
  gaffer_scaled: ['update'],
  gaffer_replaced: ['update'],
  kill_requested: ['stop', 'unload'],
};

const ofProcesses: Readonly<Record<string, readonly string[]>> = {
  submitted: ['spawn'],
  kill_requested: ['stop_process'],
  succeeded: ['exit', 'reap'],
  failed: ['exit', 'reap'],
  canceled: ['exit', 'reap'],
  lost: ['exit', 'reap'],
};

const alone: readonly string[] = ['load', 'unload', 'update', 'stop_process'];

/** None where clients of gaffer have no word for it. */
export function toWireEvents(event: JobEvent): WireEvent[] {
  const { label, parent } = event;
  const words = wordsOf(event);
  const name = fullName(parent ?? label);
  const pid = parent === undefined ? undefined : Number(label.name);
  return words.map((word) => ({
    word,
    name,
    pid,
    facts: { name, ...(pid !== undefined && { pid, os_pid: null }), ...(word === 'exit' && exitOf(event)) },
    isTwofold: !alone.includes(word),
  }));
}

/** A job that was only loaded has not been started. */
function wordsOf({ kind, parent, progress }: JobEvent): readonly string[] {
  if (parent !== undefined) return ofProcesses[kind] ?? [];
  const words = ofJobs[kind] ?? [];
  const { mode } = (progress ?? {}) as Partial<Progress>;
  return kind === 'submitted' && mode === 'loaded' ? words.slice(0, 1) : words;
}

/** Of signals Docker tells 128 and their number. */
function exitOf({ exitCode, slot = 0 }: JobEvent) {
  const signal = exitCode !== undefined && exitCode > 128 && exitCode <= 192 ? exitCode - 128 : 0;
  return { exit_status: exitCode ?? null, term_signal: signal, once: slot < 0 };
}

/** Notices that all processes of a job were stopped for flapping: no line of a history says it, the job's progress does. */
export class FlapWatch {
  readonly #rounds = new Map<string, number>();

  see({ label, parent, progress }: JobEvent): WireEvent[] {
    const name = fullName(parent ?? label);
    const { brake } = (progress ?? {}) as Partial<Progress>;
    const rounds = brake?.rounds ?? 0;
    const before = this.#rounds.get(name) ?? rounds;
    this.#rounds.set(name, rounds);
    if (rounds <= before) return [];
    return [{ word: 'flap', name, pid: undefined, facts: { name }, isTwofold: false }];
  }
}
