// Lets go of what a statement carried as soon as it is answered.

/**
 * postgres.js 3.4.9 keeps the parameters of an answered statement, and V8's quick collections free hardly any of many statements
 * in a row: their long texts stay until it collects everything. They are emptied in place, so that an error does not keep them
 * either.
 */
export async function forgetting<T>(statement: PromiseLike<T>): Promise<T> {
  try {
    return await statement;
  } finally {
    const { args, parameters } = statement as Carrying;
    for (const carried of [args, parameters]) carried?.splice(0);
  }
}

/** What the driver's type does not tell. */
type Carrying = { readonly args?: unknown[]; readonly parameters?: unknown[] };
