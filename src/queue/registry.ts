// The contract of the registries: documents that the clients of a door keep here, and that its jobs refer to.

import type { Owner, Reach } from '../job/owner.js';

/** `machine`: which pipeline the data of a machine go through. `pipeline`: the stages of one. */
export type RegistryKind = 'machine' | 'pipeline';

export type RegistryDocument = Readonly<Record<string, unknown>>;

/** Ids are the clients' own. Two owners may use the same one, and neither sees the other's document. */
export interface Registry {
  /** Stores a document, or replaces the one of this id. Refuses with `conflict` when the owner has too many of a kind. */
  put(entry: RegistryEntry, owner: Owner, reach: Reach): Promise<void>;
  /** The newest of this id within reach. */
  get(kind: RegistryKind, id: string, reach: Reach): Promise<RegistryDocument | undefined>;
  /** In their order. */
  ids(kind: RegistryKind, reach: Reach): Promise<readonly string[]>;
  /** In the order of their ids. */
  list(kind: RegistryKind, reach: Reach): Promise<readonly RegistryEntry[]>;
  /** False: there was none within reach. */
  delete(
    kind: RegistryKind,
    id: string,
    by: { readonly reach: Reach; readonly actor: string },
  ): Promise<boolean>;
}

export interface RegistryEntry {
  readonly kind: RegistryKind;
  readonly id: string;
  readonly document: RegistryDocument;
}
