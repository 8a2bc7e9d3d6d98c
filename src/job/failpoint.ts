/** The places where a server can be told to die, to stop or to be slow, in the order a job meets them. */
export const failpointNames = [
  'after-cubbyhole-read',
  'after-insert',
  'after-claim',
  'after-look-up',
  'before-unwrap',
  'after-unwrap',
  'after-login',
  'after-token-recorded',
  'after-prepare',
  'after-deliver',
  'before-start',
  'after-start',
  'first-output-stored',
  'after-exit',
  'after-container-removed',
  'after-revoke',
  'before-record',
  'after-record',
] as const;

export type FailpointName = (typeof failpointNames)[number];

/** What happens at one place, once: at its first pass unless another is named. */
export interface Failpoint {
  readonly name: FailpointName;
  /** `kill` and `stop` send that signal to our own process; a number waits so many milliseconds. */
  readonly action: 'kill' | 'stop' | number;
  readonly pass: number;
}

/** Completes "Expected … to be". */
export const failpointsShape =
  'names of failpoints with `=kill`, `=stop` or `=delay:MILLISECONDS`, each perhaps with `@PASS`, divided by commas';

/** Reads `before-unwrap=kill,after-start=delay:500@2`. Undefined where a part of it means nothing. */
export function parseFailpoints(text: string): readonly Failpoint[] | undefined {
  const found = text.split(',').map((part) => parseOne(part.trim()));
  const known = found.filter((each) => each !== undefined);
  return known.length === found.length ? known : undefined;
}

function parseOne(text: string): Failpoint | undefined {
  const [, word, action, ms, pass = '1'] =
    /^([a-z-]+)=(?:(kill|stop)|delay:(\d{1,6}))(?:@([1-9]\d{0,5}))?$/.exec(text) ?? [];
  const name = failpointNames.find((each) => each === word);
  if (name === undefined) return undefined;
  return { name, action: action === 'kill' || action === 'stop' ? action : Number(ms), pass: Number(pass) };
}

/** Empty in every server but one of a crash test. */
let armed: { readonly point: Failpoint; passes: number }[] = [];

/** Takes the place of what was armed before. Only for the program's start, and for tests. */
export function armFailpoints(points: readonly Failpoint[]): void {
  armed = points.map((point) => ({ point, passes: 0 }));
}

/**
 * A named place between two actions, to be awaited, where a crash test may end the process the hardest way there is: no
 * `finally` runs, no connection says good-bye. Does nothing in a server that was not armed.
 */
export function failpoint(name: FailpointName): Promise<void> | undefined {
  return armed.length === 0 ? undefined : passBy(name);
}

async function passBy(name: FailpointName): Promise<void> {
  for (const each of armed.filter(({ point }) => point.name === name)) {
    each.passes += 1;
    if (each.passes === each.point.pass) await act(each.point.action);
  }
}

async function act(action: Failpoint['action']): Promise<void> {
  if (typeof action === 'number') await new Promise((resolve) => setTimeout(resolve, action));
  else process.kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
}
