// Named places in the code where crash tests kill, stop or delay the process.

/** All failpoints, in the order in which a job reaches them. */
export const failpointNames = [
  'after-cubbyhole-read',
  'after-upload',
  'after-insert',
  'before-step',
  'after-claim',
  'after-look-up',
  'before-unwrap',
  'after-unwrap',
  'after-login',
  'after-token-recorded',
  'after-prepare',
  'after-login-kept',
  'after-deliver',
  'before-start',
  'after-start',
  'after-secret-found',
  'first-output-stored',
  'after-exit',
  'after-container-removed',
  'after-revoke',
  'before-record',
  'after-record',
] as const;

export type FailpointName = (typeof failpointNames)[number];

/** One action at one place. It happens once: at the first pass unless `pass` names another. */
export interface Failpoint {
  readonly name: FailpointName;
  /** `kill` and `stop` send that signal to our own process; a number waits so many milliseconds. */
  readonly action: 'kill' | 'stop' | number;
  readonly pass: number;
}

/** Completes "Expected … to be". */
export const failpointsShape =
  'names of failpoints with `=kill`, `=stop` or `=delay:MILLISECONDS`, each optionally with `@PASS`, separated by commas';

/** Reads `before-unwrap=kill,after-start=delay:500@2`. Undefined when a part is invalid. */
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

/** Empty except in crash tests. */
let armed: { readonly point: Failpoint; passes: number }[] = [];

/** Replaces what was armed before. Only for the start of the program, and for tests. */
export function armFailpoints(points: readonly Failpoint[]): void {
  armed = points.map((point) => ({ point, passes: 0 }));
}

/**
 * A named place between two actions, where a crash test may kill the process: no `finally` runs and no connection is
 * closed. Await it. Does nothing unless failpoints are armed.
 */
export function failpoint(name: FailpointName): Promise<void> | undefined {
  return armed.length === 0 ? undefined : runFailpoint(name);
}

async function runFailpoint(name: FailpointName): Promise<void> {
  for (const each of armed.filter(({ point }) => point.name === name)) {
    each.passes += 1;
    if (each.passes === each.point.pass) await act(each.point.action);
  }
}

async function act(action: Failpoint['action']): Promise<void> {
  if (typeof action === 'number') await new Promise((resolve) => setTimeout(resolve, action));
  else process.kill(process.pid, action === 'kill' ? 'SIGKILL' : 'SIGSTOP');
}
