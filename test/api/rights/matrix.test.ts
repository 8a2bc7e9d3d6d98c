import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import { checkTable } from '../../support/check-table.js';
import { createTestApp } from '../../support/test-app.js';
import { type Answer, answerOf, type Role, roles, type Target, targets } from './answers.js';
import { type Cell, cells } from './cells.js';
import { type Asked, type Token, type World, worldOf } from './world.js';

test('every route of every door has a cell, and no cell is of no route', () => {
  const { app } = createTestApp();
  const routes = app.routes.filter(({ method }) => method !== 'ALL');

  expect([...new Set(routes.map(({ method, path }) => `${method} ${path}`))].toSorted()).toEqual(
    Object.keys(cells).toSorted(),
  );
});

const routes = Object.entries(cells).filter(([, { about }]) => about !== 'channel');

describe.each(roles)('$name', (role) => {
  test.each(routes)('gets of %s what it may', async (route, cell) => {
    const nothing = await (await worldOf(route, cell, undefined)).ask(role.token);
    const wrong: unknown[] = [];
    for (const target of targets) {
      const world = await worldOf(route, cell, ownerOf(role, target));
      const asked = await world.ask(role.token);
      const expected = answerOf(cell.about, role, target);
      if (!fits[expected]({ asked, nothing, cell, world })) wrong.push({ target, expected, asked, nothing });
    }

    expect(wrong).toEqual([]);
  });
});

function ownerOf({ token = 's.token1' }: Role, target: Target) {
  if (target === 'missing') return undefined;
  return target === 'own' ? token : 's.foreign';
}

interface Found {
  readonly asked: Asked;
  /** What is answered where there is nothing. */
  readonly nothing: Asked;
  readonly cell: Cell;
  readonly world: World;
}

const aboutNothing = ['open', 'caller', 'submit', 'operator read', 'operator update'];

const fits: Readonly<Record<Answer, (found: Found) => boolean>> = {
  done: ({ asked, nothing, cell }) =>
    asked.status < 400 && (aboutNothing.includes(cell.about) || !isDeepStrictEqual(asked, nothing)),
  missing: ({ asked, nothing }) => isDeepStrictEqual(asked, nothing),
  refused: ({ asked, nothing }) =>
    asked.status === nothing.status && (asked.status >= 400 || asked.text.includes('"ok":false')),
  forbidden: ({ asked, nothing }) => asked.status === 403 && isDeepStrictEqual(asked, nothing),
  'no token': ({ asked, nothing, world }) =>
    [400, 401, 403].includes(asked.status) && isDeepStrictEqual(asked, nothing) && world.asked.length === 0,
};

const ofJobs = routes.filter(([, { about }]) => ['read', 'update', 'delete'].includes(about));

/** How many paths Vault is asked for by a request of a submitter, question by question. */
async function questionsOf(route: string, cell: Cell, owner: Token | undefined): Promise<number[]> {
  const world = await worldOf(route, cell, owner);
  await world.ask('s.token1');
  return world.asked.map((paths) => paths.length);
}

test.each(ofJobs)(
  'a stranger costs as much at %s where there is a job as where there is none',
  async (route, cell) => {
    const foreign = await questionsOf(route, cell, 's.foreign');

    expect(foreign).toEqual(await questionsOf(route, cell, undefined));
    expect([1, 2]).toContain(foreign.length);
  },
);

test.each(ofJobs)('what is the own costs no question to Vault at %s', async (route, cell) => {
  expect(await questionsOf(route, cell, 's.token1')).toEqual([]);
});

const shown: Readonly<Record<Answer, string>> = {
  done: 'yes',
  missing: 'as missing',
  refused: 'no',
  forbidden: '403',
  'no token': 'no token',
};

test('docs/rights.md has the table', () => {
  const [nobody, caller, lead, auditor, operator] = roles;
  const rows = Object.entries(cells).map(([route, { about }]) => {
    const of = (role: Role | undefined, target: Target) =>
      role === undefined ? '' : shown[answerOf(about, role, target)];
    const others = [caller, lead, auditor, operator].map((role) => of(role, 'foreign'));
    return `| \`${route}\` | ${[of(nobody, 'own'), of(caller, 'own'), ...others].join(' | ')} |`;
  });

  expect(rows.length).toBeGreaterThan(80);
  checkTable('docs/rights.md', 'matrix', [
    '| route | nobody | its owner | a stranger | rights in the queue | auditor | operator |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ]);
});
