// GoStint's own client, reimplemented from what it sends: its command line and the requests that follow from it.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { encodeContent } from './original-archive.js';
import { OriginalVault } from './original-vault.js';
import { Wire } from './original-wire.js';

/*
 * Seen on the wire of the client of October 2018, built with version 1.0.4 of Vault's library:
 *
 * - Values of some flags may be `@FILE`; blanks around the file's text are cut off.
 * - A job always has eleven fields, in one order. A text that was not given is empty, a list that was not given is null.
 *   It begins with the job file, whose names may be in any case and whose other fields are dropped (`tty` too). Flags win,
 *   and two of them have defaults: those win over the job file even where nobody wrote them.
 * - To Vault everything is PUT except the first look-up; a body that is not needed is `null`. The token of the cubbyhole is
 *   asked for with `use_limit`, which Vault ignores, so its uses are not limited.
 * - From the cubbyhole on, requests to Vault have the cubbyhole's token. So it is this token that is revoked at the end,
 *   without waiting for the job where `-wait=false`. The token that stint got is left to Vault.
 * - To stint there is one POST and then one GET an interval, while the status is `queued` or `running`. GETs have a content
 *   type too. Each comes on a new connection, which stays open until the client ends. (Those to Vault share one; not here.)
 *   The server's certificate is not checked, and neither is the status of an answer: a refused POST leads to a GET without
 *   an id.
 * - Output is printed only of `success`. Otherwise it is printed behind the status, and exit code 0 becomes 1.
 *   (Printed output is read as a format: `%` does not come out right. That is not done here.)
 */

/** What the client leaves behind when it ends. */
export interface Ended {
  readonly exitCode: number;
  readonly printed: string;
}

/** Shorter than the client's second, so that tests do not wait. */
const pollUnitMs = 100;

/** Runs the client. Flags are written `-name=value`, as in its README. */
export async function originalClient(...args: readonly string[]): Promise<Ended> {
  const flags = await readFlags(args);
  const job = buildJob(flags);
  const wire = new Wire();
  try {
    return endOf(await runJob(wire, flags, job));
  } finally {
    wire.hangUp();
  }
}

type Flags = ReadonlyMap<string, string>;

const fromFiles = ['vault-roleid', 'vault-secretid', 'vault-token', 'gostint-approle', 'job-json'];

async function readFlags(args: readonly string[]): Promise<Flags> {
  const flags = new Map(defaults);
  for (const arg of args) {
    const [, name = '', , value = 'true'] = /^--?([^=]+)(=(.*))?$/s.exec(arg) ?? [];
    const isFile = value.startsWith('@') && fromFiles.includes(name);
    flags.set(name, isFile ? (await readFile(value.slice(1), 'utf8')).trim() : value);
  }
  const content = flags.get('content') ?? '';
  if (content !== '') flags.set('content', await encodeContent(content));
  return flags;
}

const defaults: ReadonlyMap<string, string> = new Map([
  ['gostint-approle', 'gostint-role'],
  ['image-pull-policy', 'IfNotPresent'],
  ['secret-filetype', 'yaml'],
  ['poll-interval', '1'],
  ['wait', 'true'],
]);

/** The fields of a job in their order, the flag of each, and what stands there when it was not given. */
const fields = [
  { name: 'qname', flag: 'qname', none: '' },
  { name: 'container_image', flag: 'image', none: '' },
  { name: 'image_pull_policy', flag: 'image-pull-policy', none: '' },
  { name: 'content', flag: 'content', none: '' },
  { name: 'entrypoint', flag: 'entrypoint', none: null },
  { name: 'run', flag: 'run', none: null },
  { name: 'working_directory', flag: 'run-dir', none: '' },
  { name: 'env_vars', flag: 'env-vars', none: null },
  { name: 'secret_refs', flag: 'secret-refs', none: null },
  { name: 'secret_file_type', flag: 'secret-filetype', none: '' },
  { name: 'cont_on_warnings', flag: 'cont-on-warnings', none: false },
] as const;

type Job = Readonly<Record<string, unknown>>;

function buildJob(flags: Flags): Job {
  const file = Object.entries(JSON.parse(flags.get('job-json') ?? '{}') as object);
  const inFile = new Map(file.map(([name, value]) => [name.toLowerCase(), value as unknown]));
  return Object.fromEntries(
    fields.map(({ name, flag, none }) => {
      const given = flags.get(flag);
      const value = given === undefined || none === '' ? given : (JSON.parse(given) as unknown);
      return [name, value ?? inFile.get(name) ?? none];
    }),
  );
}

interface Polled {
  readonly status?: string;
  readonly output?: string;
  readonly return_code?: number;
}

async function runJob(wire: Wire, flags: Flags, job: Job): Promise<Polled> {
  const vault = new OriginalVault(wire, flags);
  await vault.authenticate();
  const apiToken = await vault.makeToken({ policies: ['default'] });
  const wrapSecretId = await vault.wrapSecretId();
  const ciphertext = await vault.encrypt(job);
  const cubbyToken = await vault.makeToken({ policies: ['default'], ttl: '60m', use_limit: 2 });
  await vault.leaveInCubbyhole(cubbyToken, ciphertext);
  const wrapper = { qname: job.qname, cubby_token: cubbyToken, cubby_path: 'cubbyhole/job' };
  try {
    return await submit(wire, flags, apiToken, { ...wrapper, wrap_secret_id: wrapSecretId });
  } finally {
    await vault.revokeToken();
  }
}

/** Posts the job and polls it. An answer without a status ends the polling like any other word. */
async function submit(wire: Wire, flags: Flags, apiToken: string, wrapper: object): Promise<Polled> {
  const url = `${flags.get('url')}/v1/api/job`;
  const headers = { 'Content-Type': 'application/json', 'X-Auth-Token': apiToken };
  const { _id: id = '' } = (await wire.post(url, headers, wrapper)) as { _id?: string };
  for (;;) {
    const job = (await wire.get(`${url}/${id}`, headers)) as Polled;
    const isActive = job.status === 'queued' || job.status === 'running';
    if (!isActive || flags.get('wait') === 'false') return job;
    await delay(Number(flags.get('poll-interval')) * pollUnitMs);
  }
}

function endOf({ status = '', output = '', return_code: code = 0 }: Polled): Ended {
  return status === 'success'
    ? { exitCode: code, printed: output }
    : { exitCode: code === 0 ? 1 : code, printed: `[${status}] ${output}` };
}
