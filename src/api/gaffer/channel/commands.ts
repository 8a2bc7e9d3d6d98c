// The commands that clients send over a WebSocket: what the routes do, by name and arguments.

import type { Job } from '../../../job/job.js';
import type { AppParts } from '../../parts.js';
import { refuseWhileDraining } from '../../request/draining.js';
import {
  listSessions,
  scaleJob as scaleTo,
  showProcess,
  showStats,
  signalAll,
  stopProcess,
  stopProcesses,
} from '../actions.js';
import { fullName, supervisedPids, toWireJob } from '../answer.js';
import {
  type Asker,
  findLoaded,
  findParent,
  findProcess,
  listLoaded,
  listProcesses,
  notFound,
  revise,
} from '../find.js';
import { commitProcess, load, replaceConfig } from '../load.js';
import { reload, start, stop } from '../supervision/changes.js';
import { planOf } from '../supervision/progress.js';
import { parseScale, parseSignal } from '../words.js';
import { ChannelError } from './errors.js';
import { nameOf, usualSession } from './names.js';
import { customLabelsOf } from './outputs.js';
import { processStats } from './subscriptions.js';

export interface Call {
  readonly args: readonly unknown[];
  readonly kwargs: Readonly<Record<string, unknown>>;
  readonly asker: Asker;
  readonly parts: AppParts;
}

type Command = (call: Call) => Promise<object>;

const ok = { ok: true };

const commands: Readonly<Record<string, Command>> = {
  sessions: async ({ asker }) => ({ sessions: await listSessions(asker) }),
  jobs: listJobs,
  pids: listPids,
  load: async (call) => {
    refuseWhileDraining(call.parts);
    const { asker, parts } = call;
    const config = { ...configIn(call), ...pick(call.kwargs, 'start') };
    await load(sessionIn(call), config, { asker, settings: parts, key: undefined });
    return ok;
  },
  update: async (call) => {
    refuseWhileDraining(call.parts);
    const { asker, parts } = call;
    const { name, ...config } = configIn(call);
    if (typeof name !== 'string') throw badArgument('invalid_config');
    await replaceConfig({ session: sessionIn(call), label: name }, config, { asker, settings: parts });
    return ok;
  },
  unload: async (call) => {
    const { id } = await jobIn(call);
    await call.asker.queue.unlist(id, call.asker.reach, call.asker.caller);
    return ok;
  },
  start_job: (call) => change(call, 'gaffer_started', start),
  stop_job: (call) => change(call, 'gaffer_stopped', stop),
  reload: (call) => change(call, 'gaffer_reloaded', reload),
  scale: scaleJob,
  info: async (call) => ({ info: toWireJob(await jobIn(call)) }),
  stats: async (call) => ({ stats: await showStats(nameOf(textAt(call, 0)), call.asker) }),
  stopall: async (call) => {
    await stopProcesses(await jobIn(call), call.asker);
    return ok;
  },
  killall: async (call) => {
    const signal = signalIn(call);
    await signalAll(await jobIn(call), signal, call.asker);
    return ok;
  },
  commit: async (call) => {
    refuseWhileDraining(call.parts);
    const { asker, parts } = call;
    const [, graceful_timeout = call.kwargs['graceful_timeout'], env = call.kwargs['env']] = call.args;
    const body = { ...(isGiven(graceful_timeout) && { graceful_timeout }), ...(isGiven(env) && { env }) };
    const { pid } = await commitProcess(nameOf(textAt(call, 0)), body, { asker, settings: parts });
    return { ...ok, pid };
  },
  process_info: async (call) => ({ info: (await showProcess(pidAt(call), call.asker)).shown }),
  process_stats: async (call) => ({ stats: await processStats(pidAt(call), call.asker) }),
  stop_process: async (call) => {
    await stopProcess(pidAt(call), call.asker);
    return ok;
  },
  kill: async (call) => {
    const signal = signalIn(call);
    const job = await findProcess(pidAt(call), call.asker);
    await call.parts.processes.signal(job.id, call.asker.reach, signal);
    return ok;
  },
  send: async (call) => {
    const job = await findProcess(pidAt(call), call.asker);
    const pipe = await pipeIn(call, job);
    await call.parts.streams.write(job.id, call.asker.reach, Buffer.from(linesIn(call)), pipe);
    return ok;
  },
};

/** The result. Throws `ChannelError` or `RefusedError`. */
export async function runCommand(name: string, call: Call): Promise<object> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) throw new ChannelError({ error: 'command_not_found', errno: 404 });
  return command(call);
}

async function listJobs({ args, asker }: Call): Promise<object> {
  const [session] = args;
  if (!isGiven(session)) return { jobs: (await listLoaded(asker)).map(({ label }) => fullName(label)) };
  const jobs = typeof session === 'string' ? await listLoaded(asker, session) : [];
  if (jobs.length === 0) throw notFound();
  return { sessionid: session, jobs: jobs.map(({ label }) => fullName(label)) };
}

async function listPids(call: Call): Promise<object> {
  const [name] = call.args;
  if (isGiven(name)) return { sessionid: name, pids: supervisedPids(await jobIn(call)) };
  return { pids: (await listProcesses(call.asker)).map(({ label }) => Number(label.name)) };
}

async function scaleJob(call: Call): Promise<object> {
  const scaling = parseScale(call.args[1]);
  if (scaling === undefined) throw badArgument('bad_value');
  return { numprocesses: await scaleTo(await jobIn(call), scaling, call.asker) };
}

async function change(call: Call, what: string, how: typeof start): Promise<object> {
  await revise(await jobIn(call), what, { asker: call.asker, change: how });
  return ok;
}

const jobIn = (call: Call) => findLoaded(nameOf(textAt(call, 0)), call.asker);

function configIn({ args: [config] }: Call): Readonly<Record<string, unknown>> {
  if (!isGiven(config)) throw badArgument('config_missing');
  if (typeof config !== 'object' || Array.isArray(config)) throw badArgument('invalid_config');
  return config as Readonly<Record<string, unknown>>;
}

function sessionIn({ kwargs: { sessionid: session = usualSession } }: Call): string {
  if (typeof session !== 'string') throw badArgument('bad_command');
  return session;
}

function textAt({ args }: Call, index: number): string {
  const given = args[index];
  if (typeof given !== 'string' || given === '') throw badArgument('bad_command');
  return given;
}

function pidAt({ args: [pid] }: Call): string {
  const text = typeof pid === 'number' ? String(pid) : pid;
  if (typeof text !== 'string' || !/^[1-9]\d{0,9}$/.test(text)) throw badArgument('bad_command');
  return text;
}

function signalIn({ args: [, given] }: Call): number {
  const signal = parseSignal(given);
  if (signal === undefined) throw badArgument('bad_signal');
  return signal;
}

/** Undefined: standard input. */
async function pipeIn({ args: [, , label = 'stdin'], asker }: Call, job: Job): Promise<string | undefined> {
  if (label === 'stdin') return undefined;
  const { config } = planOf(await findParent(job, asker)).template;
  const pipe = customLabelsOf(config).find((custom) => custom === label);
  if (pipe === undefined) throw new ChannelError({ error: 'stream_not_found', errno: 404 });
  return pipe;
}

/** One text, or several that follow each other. */
function linesIn({ args: [, lines] }: Call): string {
  if (typeof lines === 'string') return lines;
  if (Array.isArray(lines) && lines.every((line) => typeof line === 'string')) return lines.join('');
  throw badArgument('bad_command');
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function pick(from: Readonly<Record<string, unknown>>, field: string): object {
  return field in from ? { [field]: from[field] } : {};
}

function badArgument(error: string): ChannelError {
  return new ChannelError({ error, errno: 400 });
}
