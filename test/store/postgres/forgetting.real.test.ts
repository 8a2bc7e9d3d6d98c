import { afterAll, describe, expect, test } from 'vitest';
import { forgetting } from '../../../src/store/postgres/forgetting.js';
import { openTestDatabase } from '../../support/database.js';

const database = await openTestDatabase();
const { sql } = database;
afterAll(() => database[Symbol.asyncDispose]());

const nothing = { args: [], parameters: [] };

describe('a statement that carries a long text', () => {
  test('holds it once it is answered, or `forgetting` would not be needed', async () => {
    const statement = sql`select length(${'long'}::text) as length`;

    await statement;

    expect(statement).toMatchObject({ args: ['long'], parameters: ['long'] });
  });

  test('holds it no longer once it is answered', async () => {
    const statement = sql`select length(${'long'}::text) as length`;

    expect(await forgetting(statement)).toMatchObject([{ length: 4 }]);
    expect(statement).toMatchObject(nothing);
  });

  test('holds it no longer once it has failed, and neither does the error', async () => {
    const statement = sql`select ${'long'}::integer`;

    const error = await forgetting(statement).catch((caught: unknown) => caught);

    expect(error).toMatchObject({ code: '22P02', ...nothing });
    expect(statement).toMatchObject(nothing);
  });
});
