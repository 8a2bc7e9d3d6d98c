// Variables that the door adds to those of a job.

/** The variables before those of the job, which may set one of them itself. */
export function withVariables(
  env: readonly string[] = [],
  added: Readonly<Record<string, string>>,
): readonly string[] {
  const missing = Object.entries(added).filter(
    ([name]) => !env.some((entry) => entry.startsWith(`${name}=`)),
  );
  return [...missing.map(([name, value]) => `${name}=${value}`), ...env];
}
