// Starts, watches and stops programs for the rest of the rig.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { access, constants, readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

/** Receives one line of progress. The rig itself prints nothing. */
export type Log = (line: string) => void;

/** A real part could not be found, started or stopped. The message says what to do about it. */
export class RigError extends Error {
  override readonly name = 'RigError';
}

/** Whether this process may install packages, enter namespaces and run parts as other users. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** The user and group a part runs as. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly as?: Identity | undefined;
}

/** Runs a command to its end and returns its standard output. Its standard error goes into the `RigError`. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { as, cwd, env } = options;
  try {
    const all = { cwd, env: withSystemPath(env), ...as, maxBuffer: 64 << 20 };
    const result = await promisify(execFile)(command, [...args], all);
    return result.stdout;
  } catch (error) {
    throw new RigError(`Could not run "${command}": ${errorOutput(error)}`, { cause: error });
  }
}

function errorOutput(error: unknown): string {
  const stderr = String((error as { stderr?: unknown }).stderr ?? '').trim();
  return stderr === '' ? String((error as Error).message) : lastLines(stderr, 5);
}

/** The end of a text that may be long: the last lines of a log say why something failed. */
export function lastLines(text: string, count: number): string {
  return text.trimEnd().split('\n').slice(-count).join('\n');
}

/** A root shell without a login may have a plain user's PATH, and our parts call each other by name. */
function withSystemPath(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const folders = [env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return { ...env, PATH: folders.filter((folder) => folder !== '').join(delimiter) };
}

/** Looks on the PATH and in the system folders that a plain user's PATH leaves out. */
export async function findProgram(name: string): Promise<string | undefined> {
  const folders = withSystemPath().PATH?.split(delimiter) ?? [];
  for (const folder of folders.filter((one) => one !== '')) {
    const path = join(folder, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/**
 * The kernel's start time of a running process; undefined where there is none, or only a zombie. A pid alone does not
 * identify a process, because it may be reused.
 */
export async function findStartTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  // The program's name is in parentheses and may contain anything; the fields after it start with the state.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields?.[0] === 'Z' ? undefined : fields?.[19];
}

export interface PartOptions extends RunOptions {
  readonly logFile: string;
  /** The signal that the part gets from the kernel when this process dies. */
  readonly deathSignal: 'TERM' | 'INT' | 'KILL';
}

/** A long-running program that belongs to this process and ends with it. */
export interface Part {
  readonly pid: number;
  readonly hasExited: () => boolean;
  /** Undefined while it runs, and where a signal ended it. */
  readonly exitCode: () => number | undefined;
  readonly signal: (signal: NodeJS.Signals) => void;
  /** Resolves when the program is gone; rejects after the limit. */
  readonly gone: (limitMs: number) => Promise<void>;
  readonly logTail: () => string;
}

/**
 * Starts a program in its own session, so that Ctrl-C in the terminal reaches only this process, which then stops the parts
 * in order. The kernel signals the program when this process dies, so that a killed run leaves no servers behind.
 */
export async function startPart(command: string, args: string[], options: PartOptions): Promise<Part> {
  const { as, cwd, logFile, deathSignal } = options;
  const [program, ...programArgs] = withDeathSignal(deathSignal, [command, ...args]);
  const log = openSync(logFile, 'a', 0o600);
  const stdio: ['ignore', number, number] = ['ignore', log, log];
  const env = withSystemPath(options.env);
  const child = spawn(program, programArgs, { cwd, env, ...as, stdio, detached: true });
  closeSync(log);
  await spawned(child, command);
  child.unref();
  return toPart(child, command, logFile);
}

function withDeathSignal(signal: string, command: [string, ...string[]]): [string, ...string[]] {
  return process.platform === 'linux' ? ['setpriv', '--pdeathsig', signal, '--', ...command] : command;
}

async function spawned(child: ChildProcess, command: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(new RigError(`Could not start "${command}": ${error.message}`)));
  });
}

function toPart(child: ChildProcess, command: string, logFile: string): Part {
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  return {
    pid: child.pid ?? 0,
    hasExited,
    exitCode: () => child.exitCode ?? undefined,
    signal: (signal) => void child.kill(signal),
    gone: (limitMs) => until(hasExited, { limitMs, what: `"${command}" to end` }),
    logTail: () => lastLines(readFileSync(logFile, 'utf8'), 10),
  };
}

export interface UntilOptions {
  readonly limitMs: number;
  readonly what: string;
}

/** Polls every few milliseconds until the answer is true; throws `RigError` after the limit. */
export async function until(
  question: () => boolean | Promise<boolean>,
  { limitMs, what }: UntilOptions,
): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await question())) {
    if (Date.now() > deadline) throw new RigError(`Waited ${limitMs} ms for ${what} without success.`);
    await delay(POLL_MS);
  }
}

const POLL_MS = 10;
