// The messages of those who could not start a job's command, as they stand in its output.
import { posix } from 'node:path';
import { isSystemText } from './start-errors.js';

/** What a message says: which command, and the system's reason. */
export interface StartMessage {
  /** Undefined: the message does not name it. */
  readonly command: string | undefined;
  readonly reason: string;
}

interface Form {
  /** How every such message begins. */
  readonly start: string;
  /** The exit codes that go with it. */
  readonly exitCodes: readonly number[];
  /** Groups: `command`, `reason`. */
  readonly pattern: RegExp;
  /** Anybody may print such a line: it counts only when it names the command, or an init process of the engine. */
  readonly isPlain?: true;
}

const forms: readonly Form[] = [
  // [FATAL tini (7)] exec nope failed: No such file or directory
  {
    start: '[FATAL tini (',
    exitCodes: [1, 126, 127],
    pattern: /^\[FATAL tini \(\d+\)\] exec (?<command>.*) failed: (?<reason>[^\n]+)\n$/s,
  },
  // [FATAL tini (1)] fork failed: Resource temporarily unavailable
  {
    start: '[FATAL tini (',
    exitCodes: [1],
    pattern: /^\[FATAL tini \(\d+\)\] fork failed: (?<reason>[^\n]+)\n$/,
  },
  // [dumb-init] nope: No such file or directory
  {
    start: '[dumb-init] ',
    exitCodes: [2],
    pattern: /^\[dumb-init\] (?<command>.*): (?<reason>[^\n]+)\n$/s,
  },
  // ERROR (catatonit:7): failed to exec pid1: No such file or directory
  {
    start: 'ERROR (catatonit:',
    exitCodes: [1],
    pattern: /^ERROR \(catatonit:\d+\): failed to exec pid1: (?<reason>[^\n]+)\n$/,
  },
  // runc 1.1: exec /opt/x: operation not permitted, with 1; later ones with 255
  {
    start: 'exec ',
    exitCodes: [1, 255],
    pattern: /^exec (?<command>.*): (?<reason>[^\n]+)\n$/s,
    isPlain: true,
  },
  // runc before 1.1: standard_init_linux.go:228: exec user process caused: exec format error
  {
    start: 'standard_init_linux.go:',
    exitCodes: [1],
    pattern: /^standard_init_linux\.go:\d+: exec user process caused:? "?(?<reason>[^\n"]+)"?\n$/,
  },
];

const engineInits: readonly string[] = ['/sbin/docker-init', '/dev/init', '/run/podman-init'];

/** Whether a message may begin like this; an output that is empty may become one. */
export function mayBeStartMessage(text: string, exitCode?: number): boolean {
  return forms.some(
    ({ start, exitCodes }) =>
      (exitCode === undefined || exitCodes.includes(exitCode)) &&
      start.startsWith(text.slice(0, start.length)),
  );
}

/** `program`: what was to be started; undefined where nobody knows it any more. */
export function readStartMessage(
  text: string,
  exitCode: number,
  program: string | undefined,
): StartMessage | undefined {
  for (const { exitCodes, pattern, isPlain } of forms) {
    const { command, reason = '' } = pattern.exec(text.replace(/\r\n$/, '\n'))?.groups ?? {};
    if (reason === '' || !exitCodes.includes(exitCode)) continue;
    if (isPlain === true && !(isSystemText(reason) && isAbout(command ?? '', program))) continue;
    return { command: engineInits.includes(command ?? '') ? program : (command ?? program), reason };
  }
  return undefined;
}

function isAbout(command: string, program: string | undefined): boolean {
  if (program === undefined || engineInits.includes(command)) return true;
  return posix.basename(command) === posix.basename(program);
}
