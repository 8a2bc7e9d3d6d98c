// Puts the rights that Vault grants around what the doors ask for: every method that takes a reach is here.

import type { JobHistory } from '../history.js';
import type { Operations } from '../operations.js';
import type { Processes } from '../processes.js';
import type { Queue } from '../queue.js';
import type { Registry } from '../registry.js';
import type { FollowedOutput, Streams } from '../streams.js';
import { grantedNamed, isGranted, isMissing, reaching, reachOfLists } from './reaching.js';
import { type SubmitRule, submitWithRight } from './submit.js';
import type { Whereabouts } from './whereabouts.js';

/** What doors ask about jobs. */
export interface Guarded {
  readonly queue: Queue;
  readonly streams: Streams;
  readonly processes: Processes;
  readonly history: JobHistory;
  readonly operations: Operations;
  readonly registry: Registry;
}

export interface RightsContext extends SubmitRule {
  readonly whereabouts: Whereabouts;
}

/** The same, where a caller reaches the jobs of others as far as Vault grants it. What follows a reach is passed on as it is. */
export function withRights(parts: Guarded, context: RightsContext): Guarded {
  const { whereabouts } = context;
  return {
    queue: queueWithRights(parts.queue, context),
    streams: streamsWithRights(parts.streams, whereabouts),
    processes: processesWithRights(parts.processes, whereabouts),
    history: historyWithRights(parts.history, whereabouts),
    operations: operationsWithRights(parts.operations, whereabouts),
    registry: registryWithRights(parts.registry, whereabouts),
  };
}

function queueWithRights(queue: Queue, context: RightsContext): Queue {
  const { whereabouts } = context;
  return {
    ...parentsWithRights(queue, whereabouts),
    submit: (request, key, reach) => submitWithRight(queue, context, { request, key, reach }),
    get: (id, reach) => reaching(whereabouts, { id, reach, needed: 'read' }, (near) => queue.get(id, near)),
    output: (id, reach, ...rest) =>
      reaching(whereabouts, { id, reach, needed: 'read' }, (near) => queue.output(id, near, ...rest)),
    openOutput: (id, reach) =>
      reaching(whereabouts, { id, reach, needed: 'read' }, (near) => queue.openOutput(id, near)),
    find: async (name, reach) => {
      try {
        return await queue.find(name, reach);
      } catch (error) {
        const id = isMissing(error) ? await grantedNamed(whereabouts, name, reach) : undefined;
        if (id === undefined) throw error;
        return queue.get(id, { everyone: true });
      }
    },
    list: async (filter, reach) => queue.list(filter, await reachOfLists(whereabouts, reach, filter.queue)),
    listed: async (filter, reach) => queue.listed(filter, await reachOfLists(whereabouts, reach)),
    kill: (id, reach, ...rest) =>
      reaching(whereabouts, { id, reach, needed: 'update' }, (near) => queue.kill(id, near, ...rest)),
    unlist: (id, reach, ...rest) =>
      reaching(whereabouts, { id, reach, needed: 'update' }, (near) => queue.unlist(id, near, ...rest)),
    delete: (id, reach, ...rest) =>
      reaching(whereabouts, { id, reach, needed: 'delete' }, (near) => queue.delete(id, near, ...rest)),
    counts: () => queue.counts(),
  };
}

type ParentMethods = Pick<Queue, 'parent' | 'children' | 'placesOf' | 'revise'>;

function parentsWithRights(queue: Queue, whereabouts: Whereabouts): ParentMethods {
  return {
    parent: (id, reach) =>
      reaching(whereabouts, { id, reach, needed: 'read' }, (near) => queue.parent(id, near)),
    children: (id, reach) =>
      reaching(whereabouts, { id, reach, needed: 'read' }, (near) => queue.children(id, near)),
    placesOf: (jobs) => queue.placesOf(jobs),
    revise: (id, reach, ...rest) =>
      reaching(whereabouts, { id, reach, needed: 'update' }, (near) => queue.revise(id, near, ...rest)),
  };
}

function streamsWithRights(streams: Streams, whereabouts: Whereabouts): Streams {
  return {
    // It tells a program that has the owner's secrets what to do: no right lets somebody else.
    write: (id, reach, ...rest) => streams.write(id, reach, ...rest),
    follow: (id, reach, how) => followWithRights(streams, whereabouts, { id, reach, how }),
    position: (id, reach, ...rest) =>
      reaching(whereabouts, { id, reach, needed: 'read' }, (near) => streams.position(id, near, ...rest)),
    events: async (door, reach, signal) =>
      streams.events(door, await reachOfLists(whereabouts, reach), signal),
  };
}

interface Followed {
  readonly id: string;
  readonly reach: Parameters<Streams['follow']>[1];
  readonly how: Parameters<Streams['follow']>[2];
}

/** A job is found missing only before anything was read of it. */
async function* followWithRights(
  streams: Streams,
  whereabouts: Whereabouts,
  { id, reach, how }: Followed,
): AsyncGenerator<FollowedOutput> {
  try {
    yield* streams.follow(id, reach, how);
    return;
  } catch (error) {
    if (!isMissing(error) || !(await isGranted(whereabouts, { id, reach, needed: 'read' }))) throw error;
  }
  yield* streams.follow(id, { everyone: true }, how);
}

function processesWithRights(processes: Processes, whereabouts: Whereabouts): Processes {
  return {
    signal: (id, reach, ...rest) =>
      reaching(whereabouts, { id, reach, needed: 'update' }, (near) => processes.signal(id, near, ...rest)),
    usage: (id, reach) =>
      reaching(whereabouts, { id, reach, needed: 'read' }, (near) => processes.usage(id, near)),
  };
}

function historyWithRights(history: JobHistory, whereabouts: Whereabouts): JobHistory {
  return {
    latest: async (name, reach) =>
      (await history.latest(name, reach)) ??
      (await history.latest(name, await reachOfLists(whereabouts, reach))),
    names: async (reach, limit) => history.names(await reachOfLists(whereabouts, reach), limit),
  };
}

/** All but `job` are for operators only: `src/api/native/operators.ts` asks for their rights. */
function operationsWithRights(operations: Operations, whereabouts: Whereabouts): Operations {
  return {
    queues: (page) => operations.queues(page),
    queue: (name) => operations.queue(name),
    pause: (name, request) => operations.pause(name, request),
    resume: (name, actor) => operations.resume(name, actor),
    release: (name, request) => operations.release(name, request),
    configure: (name, settings, actor) => operations.configure(name, settings, actor),
    nodes: () => operations.nodes(),
    setDraining: (node, draining, actor) => operations.setDraining(node, draining, actor),
    head: () => operations.head(),
    secretReads: (choice) => operations.secretReads(choice),
    finalise: (id, request) => operations.finalise(id, request),
    job: (id, reach) =>
      reaching(whereabouts, { id, reach, needed: 'read' }, (near) => operations.job(id, near)),
  };
}

/** Documents are in no queue: who sees all jobs, such as an auditor, reads all of them and changes none. */
function registryWithRights(registry: Registry, whereabouts: Whereabouts): Registry {
  return {
    put: (entry, owner, reach) => registry.put(entry, owner, reach),
    get: async (kind, id, reach) =>
      (await registry.get(kind, id, reach)) ??
      (await registry.get(kind, id, await reachOfLists(whereabouts, reach))),
    ids: async (kind, reach) => registry.ids(kind, await reachOfLists(whereabouts, reach)),
    list: async (kind, reach) => registry.list(kind, await reachOfLists(whereabouts, reach)),
    delete: (kind, id, by) => registry.delete(kind, id, by),
  };
}
