import type { Sql as Client } from 'postgres';
import type { Sql } from '../../src/store/postgres/connection.js';

/** How many pages a statement reads, told by running it with `explain` in front of its text. */
export async function pagesOf(sql: Client, statement: (sender: Sql) => Promise<unknown>): Promise<number> {
  let plans: unknown;
  const sender = async (strings: readonly string[], ...values: string[]) => {
    const [first = '', ...rest] = strings;
    const texts = [`explain (analyze, buffers, format json) ${first}`, ...rest];
    plans = await sql(Object.assign(texts, { raw: texts }), ...values);
    return [];
  };
  await statement(Object.assign(sender, { unsafe: sql.unsafe.bind(sql) }) as unknown as Sql);
  // The largest of all, planning too: parts that change something are none of the own figures of the plan.
  const figures = [...JSON.stringify(plans).matchAll(/"Shared (?:Hit|Read) Blocks":(\d+)/g)];
  return Math.max(...figures.map(([, blocks]) => Number(blocks)));
}
