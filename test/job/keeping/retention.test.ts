import { expect, test } from 'vitest';
import { parseDuration } from '../../../src/job/duration.js';
import { doors } from '../../../src/job/job.js';
import { parseRules, scopesOf } from '../../../src/job/keeping/retention.js';

const parse = (text: string) => parseRules(text, parseDuration);
const nobody = new Map<string, number>();
const hour = 3_600_000;

test('rules are for everything, for a door or for a queue, whatever its name has in it', () => {
  expect(parse('3h')).toEqual(new Map([['', 3 * hour]]));
  expect(parse('3h, runai=0,queue:a=b=1h')).toEqual(
    new Map([
      ['', 3 * hour],
      ['runai', 0],
      ['queue:a=b', hour],
    ]),
  );
});

test.each(['', 'soon', '1h,', 'nodoor=1h', 'queue:=1h', '=1h', '1h,2h', 'runai=1h,runai=2h'])(
  'what is no list of rules is refused: %s',
  (text) => {
    expect(parse(text)).toBeUndefined();
  },
);

test('each place goes by its own rule, else by that for everything; the doors leave out the queues with a rule', () => {
  const ageMs = parse('3h,runai=1h,queue:nightly=9h') ?? nobody;

  const scopes = scopesOf({ ageMs, most: new Map([['queue:small', 5]]) });

  expect(scopes).toEqual([
    { queue: 'nightly', ageMs: 9 * hour, most: undefined },
    { queue: 'small', ageMs: 3 * hour, most: 5 },
    ...doors.map((door) => ({
      door,
      otherQueues: ['nightly', 'small'],
      ageMs: door === 'runai' ? hour : 3 * hour,
      most: undefined,
    })),
  ]);
});

test('0 keeps all, of a place or of everything', () => {
  const keepsRunai = scopesOf({ ageMs: parse('3h,runai=0') ?? nobody, most: nobody });

  expect(keepsRunai.map((scope) => 'door' in scope && scope.door)).toEqual(
    doors.filter((door) => door !== 'runai'),
  );
  expect(scopesOf({ ageMs: parse('0') ?? nobody, most: nobody })).toEqual([]);
});
