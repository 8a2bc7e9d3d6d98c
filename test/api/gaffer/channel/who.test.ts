import { expect, test } from 'vitest';
import { type Known, untilRefused } from '../../../../src/api/gaffer/channel/who.js';
import { BrokenError, RefusedError } from '../../../../src/job/errors.js';

const caller = { entityId: 'e', accessor: 'a', displayName: 'd', policies: [] };
const away = new BrokenError('vault_unavailable', 'Vault is sealed.');
const refused = new RefusedError('token_refused', 'no');

/** A caller of whom Vault says these things, one after the other, then the last one. */
function watched(...answers: (Error | boolean)[]) {
  let asked = 0;
  const next = () => {
    asked += 1;
    return answers[Math.min(asked, answers.length) - 1] ?? true;
  };
  const identify = async () => {
    const answer = next();
    if (answer instanceof Error) throw answer;
    return caller;
  };
  const stillHold = async () => answers[Math.min(asked, answers.length) - 1] === true;
  const known = { caller, token: 's.t', rights: { stillHold } } as unknown as Known; // It needs no other right.
  return { identify, known, asked: () => asked };
}

test('a channel ends when its token is refused, and not while Vault is away', async () => {
  const { identify, known, asked } = watched(true, away, away, true, refused);

  await untilRefused(known, { identify }, new AbortController().signal, 1);

  expect(asked()).toBe(5);
});

test('a channel ends when a right is gone that something in it rests on', async () => {
  const { identify, known, asked } = watched(true, true, false);

  await untilRefused(known, { identify }, new AbortController().signal, 1);

  expect(asked()).toBe(3);
});
