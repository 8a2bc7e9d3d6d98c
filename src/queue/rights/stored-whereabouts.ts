// Implements `Whereabouts` over the database.
import type { Store } from '../../store/store.js';
import { mostQueues, type Whereabouts } from './whereabouts.js';

/** Of one name at one door. */
const mostNamed = 100;

export function createWhereabouts(
  store: Pick<Store, 'readPlace' | 'readNamedPlaces' | 'readQueueNames'>,
): Whereabouts {
  return {
    queueOf: async (id) => (await store.readPlace(id))?.queue,
    named: (name) => store.readNamedPlaces(name, mostNamed),
    queues: () => store.readQueueNames(mostQueues),
  };
}
