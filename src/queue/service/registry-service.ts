// Implements the registries and the history by name over the database.
import type { Store } from '../../store/store.js';
import type { JobHistory } from '../history.js';
import type { Registry } from '../registry.js';

type Parts = Pick<
  Store,
  | 'putDocument'
  | 'readDocument'
  | 'listDocumentIds'
  | 'listDocuments'
  | 'deleteDocument'
  | 'readLatestPipeline'
  | 'listPipelineNames'
>;

export function createRegistry(store: Parts): Registry {
  return {
    put: (entry, owner, reach) => store.putDocument(entry, owner, reach),
    get: (kind, id, reach) => store.readDocument({ kind, id }, reach),
    ids: (kind, reach) => store.listDocumentIds(kind, reach),
    list: (kind, reach) => store.listDocuments(kind, reach),
    delete: (kind, id, by) => store.deleteDocument({ kind, id }, by),
  };
}

export function createJobHistory(store: Parts): JobHistory {
  return {
    latest: (name, reach) => store.readLatestPipeline(name, reach),
    names: (reach, limit) => store.listPipelineNames(reach, limit),
  };
}
