import type { Owner, Reach } from '../../src/job/owner.js';
import { isFinal } from '../../src/job/state.js';
import type { JobHistory } from '../../src/queue/history.js';
import type { Registry, RegistryDocument, RegistryEntry, RegistryKind } from '../../src/queue/registry.js';
import type { FakeQueue } from './fake-queue.js';

interface Kept extends RegistryEntry {
  readonly ownerKey: string;
}

/** A registry that keeps its documents in memory. */
export class FakeRegistry implements Registry {
  #kept: Kept[] = [];

  async put(entry: RegistryEntry, owner: Owner, reach: Reach): Promise<void> {
    const replaced = this.#within(entry.kind, reach).filter(({ id }) => id === entry.id);
    const owners = replaced.length === 0 ? [owner.key] : replaced.map(({ ownerKey }) => ownerKey);
    this.#kept = this.#kept.filter((each) => !replaced.includes(each));
    this.#kept.push(...owners.map((ownerKey) => ({ ...entry, ownerKey })));
  }

  async get(kind: RegistryKind, id: string, reach: Reach): Promise<RegistryDocument | undefined> {
    return this.#within(kind, reach).findLast((each) => each.id === id)?.document;
  }

  async ids(kind: RegistryKind, reach: Reach): Promise<readonly string[]> {
    return (await this.list(kind, reach)).map(({ id }) => id);
  }

  async list(kind: RegistryKind, reach: Reach): Promise<readonly RegistryEntry[]> {
    const newest = new Map(this.#within(kind, reach).map(({ id, document }) => [id, document]));
    const entries = [...newest].map(([id, document]) => ({ kind, id, document }));
    return entries.toSorted((one, other) => (one.id < other.id ? -1 : 1));
  }

  async delete(kind: RegistryKind, id: string, { reach }: { readonly reach: Reach }): Promise<boolean> {
    const gone = this.#within(kind, reach).filter((each) => each.id === id);
    this.#kept = this.#kept.filter((each) => !gone.includes(each));
    return gone.length > 0;
  }

  #within(kind: RegistryKind, reach: Reach): Kept[] {
    return this.#kept.filter(
      (each) => each.kind === kind && (reach.everyone || each.ownerKey === reach.ownerKey),
    );
  }
}

/** The history of what a fake queue holds. */
export function fakeHistory(queue: FakeQueue): JobHistory {
  const ended = async (reach: Reach) => {
    const { jobs } = await queue.list({ skip: 0, limit: 100 }, reach);
    return jobs.filter(
      ({ door, state, label }) => door === 'lopco' && label.kind === 'pipeline' && isFinal(state),
    );
  };
  return {
    latest: async (name, reach) => (await ended(reach)).find(({ label }) => label.name === name),
    names: async (reach, limit) => {
      const names = (await ended(reach)).map(({ label }) => label.name ?? '');
      return [...new Set(names)].slice(0, limit);
    },
  };
}
