// What the fields of a Run:AI job must be to each other, and what of them stint does not do.

import { quote } from '../request/sentence.js';
import type { WireJob } from './wire.js';

type Rule = readonly [isBroken: (job: WireJob) => boolean, sentence: string | ((job: WireJob) => string)];

const rules: readonly Rule[] = [
  [({ project }) => project === undefined, 'project is required'],
  [({ image }) => image === undefined, 'image is required'],
  [({ tty, stdin }) => tty === true && stdin !== true, 'tty needs stdin'],
  [
    ({ gpu = 0 }) => gpu > 1 && !Number.isInteger(gpu),
    ({ gpu }) => `gpu must be a whole number or below 1, got ${gpu}.`,
  ],
  [
    ({ parallelism = 1, completions }) => parallelism > 1 && completions === undefined,
    'parallelism needs completions',
  ],
  [
    ({ parallelism = 1, interactive }) => parallelism > 1 && interactive === true,
    'parallelism must be 1 where interactive is `true`.',
  ],
  [
    ({ parallelism = 1, elastic }) => parallelism > 1 && elastic === true,
    'parallelism must be 1 where elastic is `true`.',
  ],
  [
    ({ serviceType, ports = [] }) => serviceType !== undefined && ports.length === 0,
    ({ serviceType = '' }) => `serviceType needs ports, got ${quote(serviceType)} without.`,
  ],
  [
    ({ runAsUid, runAsGid }) => (runAsUid === undefined) !== (runAsGid === undefined),
    'runAsUid and runAsGid must be given together, got one without the other.',
  ],
  [
    ({ secret_refs: refs = [], wrap_secret_id: wrap }) => refs.length > 0 && wrap === undefined,
    'secret_refs needs wrap_secret_id: without it the job may read nothing at Vault.',
  ],
  [
    ({ registry_ref: path, wrap_secret_id: wrap }) => path !== undefined && wrap === undefined,
    'registry_ref needs wrap_secret_id: without it the job may read nothing at Vault.',
  ],
  [
    // What Vault accepts in a token header. It is a credential, so it is not quoted.
    ({ wrap_secret_id: wrap = 's' }) => !/^[!-~]{1,4096}$/.test(wrap),
    'wrap_secret_id must be a token of 1 to 4096 visible ASCII characters, got something else.',
  ],
];

type Feature = readonly [field: keyof WireJob, isAsked: (job: WireJob) => boolean, why: string];

const noPart = 'no engine gives a part of a GPU to one container alone';
const leaveOut = 'Leave it out';

/** What stint does not do. It is refused: to run another job than was asked for is worse. */
const missing: readonly Feature[] = [
  ['gpu', ({ gpu = 0 }) => gpu > 0 && gpu < 1, `${noPart}. Ask for a whole one, or for 0`],
  ['gpuMemory', ({ gpuMemory }) => gpuMemory === true, `${noPart}. ${leaveOut}, and ask for whole GPUs`],
  [
    'elastic',
    ({ elastic, gpu = 0 }) => elastic === true && gpu > 1,
    `stint does not know how many GPUs are free, and starts no job with fewer than it asks for. ${leaveOut}, or ask for one`,
  ],
  [
    'pvc',
    ({ pvc = [] }) => pvc.some(({ name }) => name === undefined),
    'stint makes no volumes. Name one that the engine has, as `NAME:/path`, or leave it out',
  ],
  ['nodeType', ({ nodeType }) => nodeType !== undefined, `nodes have no types. ${leaveOut}`],
  ...(
    ['gitSync', 'mpi', 'processes', 'jupyter', 'jupyterPassword', 'runAsUser', 'type', 'template'] as const
  ).map(
    (field): Feature => [
      field,
      (job) => job[field] === true,
      `stint does not know what to do with it. ${leaveOut}`,
    ],
  ),
];

/** All that is wrong with a job, or cannot be done; one sentence each. */
export function findProblems(job: WireJob): string[] {
  const broken = rules.filter(([isBroken]) => isBroken(job));
  const asked = missing.filter(([, isAsked]) => isAsked(job));
  return [
    ...broken.map(([, sentence]) => (typeof sentence === 'string' ? sentence : sentence(job))),
    ...asked.map(([field, , why]) => `${field} is not supported: ${why}.`),
  ];
}
