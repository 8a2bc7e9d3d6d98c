// The fields of a Run:AI job as they may be written, and what each of them reads as.

import { durationShape, parseDuration } from '../../job/duration.js';
import { pullPolicies, secretFileTypes } from '../../job/job.js';
import {
  amount,
  type Fields,
  flag,
  isObject,
  listOf,
  mapOf,
  note,
  parsed,
  type Read,
  readFields,
  showText,
  text,
  whole,
} from '../request/readers.js';
import { variable } from '../request/variables.js';
import { splitWords } from '../request/words.js';
import { claim } from './claim.js';
import { findNameProblem, findProjectProblem } from './names.js';
import { parseQuantity, quantityShape } from './quantity.js';

const mostRuns = 1_000_000;
const highestId = 2 ** 31 - 1;
const highestPort = 65_535;
/** Far more than anybody waits for, and no more than Postgres can add to a time. */
const longestListedMs = 100 * 365 * 86_400_000;

/** A list of words, or one text that is split as a shell would. An empty word is a word. */
const word: Read<string> = (value, place, problems) => (value === '' ? '' : text(value, place, problems));
const words: Read<readonly string[]> = (value, place, problems) => {
  if (typeof value !== 'string') return listOf(word)(value, place, problems);
  const line = text(value, place, problems);
  const split = line === undefined ? [] : splitWords(line);
  return split ?? note(problems, place, 'a text whose quotes are closed', 'one that is open');
};

function named(find: (name: string) => string | undefined): Read<string> {
  return (value, place, problems) => {
    const name = text(value, place, problems);
    const problem = name === undefined ? undefined : find(name);
    return problem === undefined ? name : note(problems, place, problem, showText(name));
  };
}

const variables = mapOf(variable);

const memory: Read<number> = (value, place, problems) => {
  if (typeof value === 'number') return whole(0, Number.MAX_SAFE_INTEGER)(value, place, problems);
  return parsed(quantityShape, parseQuantity)(value, place, problems);
};

function choice<const Word extends string>(all: readonly Word[], { anyCase = false } = {}): Read<Word> {
  const shape = `one of ${all.join(', ')}`;
  return parsed(shape, (given) =>
    all.find((each) => each === given || (anyCase && each.toLowerCase() === given.toLowerCase())),
  );
}

export interface WireMount {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

/** Host path to container path, which `:ro` or `:rw` may follow. */
const volume = mapOf<WireMount>((source) => (value, place, problems) => {
  const target = text(value, place, problems);
  if (target === undefined) return value === '' ? note(problems, place, 'a path', 'nothing') : undefined;
  const [, path = '', mode] = /^(.*?)(?::(ro|rw))?$/s.exec(target) ?? [];
  return { source, target: path, readOnly: mode === 'ro' };
});

/** Whatever is not empty or off: fields that we only look at to refuse them. */
const anything: Read<true> = (value) => {
  const isEmpty = Array.isArray(value)
    ? value.length === 0
    : isObject(value) && Object.keys(value).length === 0;
  return value === '' || value === false || value === 0 || isEmpty ? undefined : true;
};

/** Of a network file system: stint mounts none itself. */
const nfsHost: Read<never> = (value, place, problems) => {
  if (anything(value, place, problems))
    problems.push(`${place} is not supported: stint mounts paths of the node. Leave it out.`);
  return undefined;
};
const volumeShape = { sourcePath: text, targetPath: text, readOnly: flag, nfsHost };
const volumeEntry: Read<WireMount> = (value, place, problems) => {
  if (!isObject(value)) return note(problems, place, 'an object', showText(value));
  const entry = readFields(value, volumeShape, { inside: ` in ${place}`, problems });
  const { sourcePath, targetPath, readOnly = false } = entry;
  if (sourcePath !== undefined && targetPath !== undefined)
    return { source: sourcePath, target: targetPath, readOnly };
  return note(problems, place, 'an object with `sourcePath` and `targetPath`', 'one without');
};

export interface WirePort {
  readonly container: number;
  /** 0: any. */
  readonly host: number;
}

const port = whole(1, highestPort);
const portShape = { container: port, external: whole(0, highestPort), autoGenerate: flag };
const portMap: Read<WirePort> = (value, place, problems) => {
  if (typeof value === 'number') return onlyContainer(port(value, place, problems));
  if (typeof value === 'string')
    return parsed('a port such as `80` or `8080:80`', parsePorts)(value, place, problems);
  if (!isObject(value)) return note(problems, place, 'an object, a number or a text', showText(value));
  const {
    container,
    external = 0,
    autoGenerate,
  } = readFields(value, portShape, {
    inside: ` in ${place}`,
    problems,
  });
  if (external > 0 && autoGenerate === true)
    return note(problems, place, 'a port with `external` or with `autoGenerate`', 'both');
  if (container !== undefined) return { container, host: external };
  return note(problems, place, 'an object with `container`', 'one without');
};

function onlyContainer(container: number | undefined): WirePort | undefined {
  return container === undefined ? undefined : { container, host: 0 };
}

/** `external:container`, as the command line has it. */
function parsePorts(given: string): WirePort | undefined {
  const [, host = '0', container] = /^(?:(\d{1,5}):)?(\d{1,5})$/.exec(given) ?? [];
  const fits = [Number(host), Number(container)].every((each) => each <= highestPort);
  return fits && Number(container) > 0 ? { container: Number(container), host: Number(host) } : undefined;
}

const ttl: Read<number> = (value, place, problems) => {
  if (value === '') return undefined;
  const duration = typeof value === 'string' ? parseDuration(value) : undefined;
  const ms = typeof value === 'number' ? value * 1000 : duration;
  if (ms !== undefined && Number.isInteger(ms) && ms >= 0 && ms <= longestListedMs) return ms;
  return note(problems, place, `${durationShape}, or a number of seconds`, showText(value));
};

export const serviceTypes = ['portforward', 'loadbalancer', 'nodeport', 'ingress'] as const;
/** A number is of an older form that means nothing here. */
const serviceType: Read<(typeof serviceTypes)[number]> = (value, place, problems) =>
  typeof value === 'number' ? undefined : choice(serviceTypes)(value, place, problems);

/** All fields of a job that are looked at; others are ignored. */
export const jobShape = {
  project: named(findProjectProblem),
  image: text,
  name: named(findNameProblem),
  jobNamePrefix: named(findNameProblem),
  interactive: flag,
  command: words,
  arguments: words,
  environment: variables,
  imagePullPolicy: choice(pullPolicies, { anyCase: true }),
  stdin: flag,
  tty: flag,
  workingDir: text,
  createHomeDir: flag,
  gpu: amount,
  cpu: amount,
  cpuLimit: amount,
  memory,
  memoryLimit: memory,
  largeShm: flag,
  pvc: listOf(claim),
  volume,
  volumes: listOf(volumeEntry),
  hostIpc: flag,
  hostNetwork: flag,
  ports: listOf(portMap),
  serviceType,
  backoffLimit: whole(0, mostRuns),
  completions: whole(1, mostRuns),
  parallelism: whole(1, mostRuns),
  elastic: flag,
  preemptible: flag,
  ttlAfterFinish: ttl,
  preventPrivilegeEscalation: flag,
  nodeType: text,
  runAsUid: whole(0, highestId),
  runAsGid: whole(0, highestId),
  gpuMemory: anything,
  gitSync: anything,
  mpi: anything,
  processes: anything,
  jupyter: anything,
  jupyterPassword: anything,
  runAsUser: anything,
  type: anything,
  template: anything,
  wrap_secret_id: text,
  secret_refs: listOf(word),
  secret_file_type: choice(secretFileTypes),
  cont_on_warnings: flag,
  registry_ref: text,
} as const;

export type WireJob = Fields<typeof jobShape>;
