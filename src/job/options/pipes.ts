// The named pipes between a program and who talks to it while it runs.

/** Where they are in the container: of each name `NAME.in`, which the program reads, and `NAME.out`, which it writes. */
export const pipesDirectory = '/run/stint/streams';

export const mostPipes = 16;
const pipeName = /^[A-Za-z0-9_-]{1,64}$/;

/** All that is wrong with the names, one sentence each. `name`: how the client calls the field, in quotes. */
export function checkPipes(pipes: readonly string[], name: string): string[] {
  if (pipes.length > mostPipes)
    return [`Expected ${name} to have at most ${mostPipes} entries, got ${pipes.length}.`];
  return pipes.flatMap((pipe, index) => {
    if (!pipeName.test(pipe))
      return [
        `Expected entry ${index + 1} of ${name} to be 1 to 64 letters, digits, \`_\` or \`-\`, got something else.`,
      ];
    return pipes.indexOf(pipe) < index ? [`Expected each entry of ${name} once, got "${pipe}" again.`] : [];
  });
}
