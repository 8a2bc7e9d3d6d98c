// Shows jobs and processes as gaffer shows them.

import type { Job } from '../../job/job.js';
import type { Child, ParentView } from '../../job/parents/planner.js';
import { isAlive } from './states.js';
import { aliveOf, isCommitted, pidOf, planOf, progressOf } from './supervision/progress.js';
import { finalEnv, launch, type Template } from './template/template.js';

export function fullName({ project = '', name = '' }: Job['label']): string {
  return `${project}.${name}`;
}

/** The pids of supervised processes first. */
export function toWireJob(view: ParentView) {
  const { target, lastExit } = progressOf(view);
  const alive = aliveOf(view);
  const committed = alive.filter(isCommitted);
  return {
    name: fullName(view.label),
    active: alive.length > 0,
    running: alive.length,
    running_out: committed.length,
    max_processes: target,
    processes: [...supervisedPids(view), ...committed.map(pidOf)],
    config: planOf(view).template.config,
    ...(lastExit !== undefined && { last_exit: lastExit }),
  };
}

export function supervisedPids(view: ParentView): number[] {
  return aliveOf(view)
    .filter((child) => !isCommitted(child))
    .map(pidOf);
}

/** A job of another door: one that has no template and is no process. */
export function toWireForeign(job: Job) {
  const active = isAlive(job, job.killRequestedAt !== undefined);
  return {
    name: job.label.name === undefined ? job.id : fullName(job.label),
    active,
    running: active ? 1 : 0,
    running_out: 0,
    max_processes: 1,
    processes: [],
    config: {},
  };
}

export interface ProcessPlace {
  readonly view: ParentView;
  readonly child: Child;
  /** Of the program on its node; undefined where it is not known. */
  readonly osPid: number | undefined;
}

export function toWireProcess({ view, child, osPid }: ProcessPlace) {
  const { template, commits } = planOf(view);
  const commit = commits.find(({ number }) => number === -child.slot) ?? {};
  const { entrypoint, command, options } = launch(template, commit);
  const { user } = options ?? {};
  const { uid, gid } = typeof user === 'object' ? user : { uid: 2001, gid: 2001 };
  return {
    pid: pidOf(child),
    name: fullName(view.label),
    cmd: entrypoint[0],
    args: command,
    env: Object.fromEntries(finalEnv(template, commit)),
    uid,
    gid,
    os_pid: osPid ?? null,
    create_time: child.submittedAt.getTime() / 1000,
    commited: isCommitted(child),
    ...shownStreams(template),
    active: true,
  };
}

function shownStreams({ config }: Template) {
  const { redirect_output: output = [], redirect_input: input = false, custom_streams: custom = [] } = config;
  return { redirect_output: output, redirect_input: input, custom_streams: custom };
}
