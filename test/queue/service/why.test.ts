import { expect, test } from 'vitest';
import { whyWaiting } from '../../../src/queue/service/why.js';
import { newNode, newQueue } from '../../support/fake-operations.js';

const at = new Date('2025-10-18T14:18:42Z');
const ready = { id: 'j1', state: 'queued', node: undefined, message: undefined } as const;
const open = { nodes: [newNode()], blocker: undefined };
const pause = { at, by: 'entity:op', reason: 'the database moves' };
const hold = { job: 'j0', reason: 'job_failed', until: undefined };

test.each([
  ['nothing waits', newQueue(), open, 'No job waits.'],
  [
    'it is paused',
    newQueue({ pause, waiting: 1 }),
    open,
    /paused by entity:op at 2025-10-18T14:18:42.000Z: the data/,
  ],
  [
    'a failure holds it',
    newQueue({ hold, pause }),
    open,
    /job j0, which failed.*until an operator releases it/,
  ],
  [
    'a node died',
    newQueue({ hold: { job: 'j0', reason: 'node_lost', until: at } }),
    open,
    /whose node died.*until 2025-10-18T14:18:42.000Z at most/,
  ],
  [
    'the one before runs, also in a paused queue',
    newQueue({ pause, holder: { id: 'j0', state: 'running', node: 'n7', message: undefined }, waiting: 1 }),
    open,
    'Job j0 is running on node n7.',
  ],
  [
    'Vault is unavailable',
    newQueue({ holder: { ...ready, message: 'Vault is sealed.' } }),
    open,
    'Job j1 has the turn and waits: Vault is sealed.',
  ],
  [
    'no node is alive',
    newQueue({ holder: ready }),
    { ...open, nodes: [newNode({ alive: false })] },
    /no node is alive/,
  ],
  [
    'all drain',
    newQueue({ holder: ready }),
    { ...open, nodes: [newNode({ draining: true })] },
    /is draining/,
  ],
  [
    'all are full',
    newQueue({ holder: ready }),
    { ...open, nodes: [newNode({ active: 4 })] },
    /no node has a free slot/,
  ],
  [
    'this node waits',
    newQueue({ holder: ready }),
    { ...open, blocker: 'Vault is sealed.' },
    /now: Vault is sealed/,
  ],
  ['it is about to run', newQueue({ holder: ready }), open, /about to be taken/],
])('says why the first job does not run when %s', (_, queue, around, words) => {
  expect(whyWaiting(queue, around)).toMatch(words);
});
