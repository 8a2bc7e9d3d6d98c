// Environment variables that tell a job its own name and ids.

/** What a variable holds: the job's id, the name it is listed under, or an id of this one run. */
export type IdentityFact = 'id' | 'name' | 'run';
export type IdentityEnv = Readonly<Record<string, IdentityFact>>;

/** The variables before those of the job, which may set one of them itself. A fact that is not known is left out. */
export function withIdentity(
  env: readonly string[] | undefined,
  wanted: IdentityEnv,
  facts: Readonly<Record<IdentityFact, string | undefined>>,
): readonly string[] {
  const own = env ?? [];
  const known = Object.entries(wanted).flatMap(([variable, fact]) => {
    const value = facts[fact];
    return value === undefined || own.some((entry) => entry.startsWith(`${variable}=`))
      ? []
      : [`${variable}=${value}`];
  });
  return [...known, ...own];
}
