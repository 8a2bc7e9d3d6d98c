import { expect, test } from 'vitest';
import { type Call, runCommand } from '../../../../src/api/gaffer/channel/commands.js';
import { ChannelError } from '../../../../src/api/gaffer/channel/errors.js';
import { RefusedError } from '../../../../src/job/errors.js';

/** Nothing is there, and what Postgres would not take is not asked for. */
const nothing = {
  find: async ({ name = '', project = '' }) => {
    if (`${name}${project}`.includes('\0')) throw new Error('Postgres takes no NUL.');
    throw new RefusedError('not_found', 'not found');
  },
  listed: async ({ project = '' }) => {
    if (project.includes('\0')) throw new Error('Postgres takes no NUL.');
    return [];
  },
};

function callWith(args: readonly unknown[]): Call {
  const asker = { queue: nothing, reach: { everyone: true }, caller: {}, processes: {} };
  return { args, kwargs: {}, asker, parts: { isDraining: () => false } } as unknown as Call; // A command needs few parts.
}

const names =
  'jobs pids unload start_job stop_job reload scale info stats stopall killall commit process_info process_stats stop_process kill send';
const odd = [
  [{ toString: 1 }, 1],
  [['a.b'], 1],
  [{}, 1],
  ['a\0b.c', 1],
  ['a.b\0c', 1],
  ['a\0b', 1],
  ['\ud800', 1],
  [1e300, 1],
  [-1, 1],
  [1.5, 1],
  [true, 1],
  ['', 1],
  ['.', '='],
];

const isTold = (error: unknown) => error instanceof ChannelError || error instanceof RefusedError;

test.each(names.split(' '))('whatever its arguments are, %s says what is wrong with them', async (name) => {
  const thrown = await Promise.all(
    odd.map((args) => runCommand(name, callWith(args)).catch((error: unknown) => error)),
  );

  expect(odd.filter((_, at) => !isTold(thrown[at]))).toEqual([]);
});
