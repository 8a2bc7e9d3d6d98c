// Why a command could not be started, in sentences for the job's owner.
import { JobFailedError } from '../../job/errors.js';

interface Cause {
  /** What the system says, in lower case: the C library writes `Permission denied`, Go `permission denied`. */
  readonly texts: readonly string[];
  readonly why: string;
  readonly code?: string;
}

const causes: readonly Cause[] = [
  {
    texts: ['permission denied', 'is a directory'],
    why: 'it is there but cannot be executed. Check its mode and what it is',
  },
  {
    texts: ['operation not permitted'],
    why: 'the system does not let a job without capabilities execute it. Most likely it has file capabilities: remove them (`setcap -r`), or use a program without',
  },
  {
    texts: ['text file busy'],
    why: 'another process has it open for writing. Close it first, or start a copy',
  },
  {
    texts: ['too many levels of symbolic links'],
    why: 'its path goes over links round in a circle, or over more than 40. Name the file itself',
  },
  { texts: ['not a directory'], why: 'a part of its path is a file and no directory. Check the path' },
  {
    texts: ['argument list too long'],
    why: 'arguments and environment are together too long for the kernel. Pass large values in `content` or as secrets',
    code: 'arguments_too_long',
  },
  {
    texts: ['exec format error'],
    why: 'it is no program for the processor of this engine, and no script whose first line names an interpreter (`#!/bin/sh`)',
  },
  {
    texts: ['resource temporarily unavailable', 'cannot allocate memory'],
    why: 'the limits of a job leave no room for it. An operator may raise STINT_JOB_PIDS or STINT_JOB_MEMORY',
    code: 'start_refused',
  },
];

const missing = 'no such file or directory';
const texts = [missing, ...causes.flatMap((cause) => cause.texts)];

export function isMissing(text: string): boolean {
  return text.toLowerCase() === missing;
}

/** Whether this is what the system says of a start that failed. */
export function isSystemText(text: string): boolean {
  return texts.includes(text.toLowerCase());
}

/** The system's own words within those of an engine. */
export function findSystemText(text: string): string | undefined {
  return texts.find((each) => text.toLowerCase().includes(each));
}

/** What a start that the system refused with this text means. The exit codes are those that a shell uses. */
export function startError(command: string | undefined, text: string): JobFailedError {
  if (isMissing(text)) return commandNotFound(command);
  const { why, code = 'command_not_executable' } = causes.find((cause) =>
    cause.texts.includes(text.toLowerCase()),
  ) ?? { why: `the system says ${JSON.stringify(text.slice(0, 200))}` };
  return startFailed(code, `Could not start ${named(command)}: ${why}.`, 126);
}

/** `reason` completes "it is there, but …": where the file exists and something that it needs does not. */
export function commandNotFound(command: string | undefined, reason?: string): JobFailedError {
  const why = reason === undefined ? notThere(command) : `it is there, but ${reason}`;
  return startFailed('command_not_found', `Could not start ${named(command)}: ${why}.`, 127);
}

function notThere(command: string | undefined): string {
  const place = command?.includes('/') === true ? '' : ' on its PATH';
  return `the image has no such program${place}. Check \`entrypoint\` and \`run\``;
}

/** The same where nobody can look at the files of the container. */
export function startErrorUnseen({
  command,
  reason,
}: {
  command: string | undefined;
  reason: string;
}): JobFailedError {
  return isMissing(reason) ? commandOrPartNotFound(command) : startError(command, reason);
}

function commandOrPartNotFound(command: string | undefined): JobFailedError {
  const parts =
    'or what it needs is missing: the interpreter that its first line names (with Windows line ends that is another name), or its loader';
  return startFailed(
    'command_not_found',
    `Could not start ${named(command)}: the image has no such program, ${parts}. Check \`entrypoint\` and \`run\`.`,
    127,
  );
}

function named(command: string | undefined): string {
  return command === undefined
    ? "the image's command"
    : `the command ${JSON.stringify(command.slice(0, 200))}`;
}

export function startFailed(code: string, message: string, exitCode?: number): JobFailedError {
  return new JobFailedError('start_failed', code, message, exitCode === undefined ? {} : { exitCode });
}
