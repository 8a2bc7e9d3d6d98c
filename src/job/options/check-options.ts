// Checks the form of what a job asks of its container, whatever the operator allows.

import type { ContainerOptions, Limits, Mount, PortMapping } from './options.js';

/** The parts of the options that a client may have its own names for. */
export type OptionField = 'user' | 'network' | 'ports' | 'mounts' | 'stopGraceMs' | keyof Limits;
export type OptionNames = Readonly<Partial<Record<OptionField, string>>>;

const mostEntries = 64;
const longestPath = 4096;
const largestId = 2 ** 31 - 1;
/** The least that Docker Engine accepts. */
const leastCpus = 0.01;
const leastMemoryBytes = 6 * 1024 * 1024;

/** All problems, one sentence each, with the client's names for the fields. */
export function checkOptions(options: ContainerOptions, names: OptionNames = {}): string[] {
  const named = (field: OptionField) => `\`${names[field] ?? field}\``;
  const { user, network, ports = [], mounts = [], limits = {}, stopGraceMs } = options;
  return [
    ...(user === undefined || user === 'image' || (isId(user.uid) && isId(user.gid))
      ? []
      : [`Expected ${named('user')} to be numbers from 0 to ${largestId}, got others.`]),
    ...checkNetwork(network, named('network')),
    ...checkPorts(ports, named('ports')),
    ...checkMounts(mounts, named('mounts')),
    ...checkLimits(limits, named),
    ...checkGrace(stopGraceMs, named('stopGraceMs')),
  ];
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= largestId;
}

/** Another container's network is none of these: who shares it reaches what listens on loopback there. */
function checkNetwork(network: string | undefined, name: string): string[] {
  if (network === undefined || /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}$/.test(network)) return [];
  return [
    `Expected ${name} to be \`bridge\`, \`none\`, \`host\` or the name of a network, got something else.`,
  ];
}

function checkPorts(ports: readonly PortMapping[], name: string): string[] {
  const tooMany = checkCount(ports, name);
  if (tooMany.length > 0) return tooMany;
  return ports.flatMap(({ container, host }, index) => {
    const place = `entry ${index + 1} of ${name}`;
    if (!isPort(container, 1)) return [`Expected the container's port in ${place} to be 1 to 65535.`];
    if (!isPort(host, 0)) return [`Expected the host's port in ${place} to be 0 to 65535.`];
    const before = ports.slice(0, index);
    const isTaken = host !== 0 && before.some((other) => other.host === host);
    return isTaken ? [`Expected each host's port in ${name} once, got ${host} again in ${place}.`] : [];
  });
}

function isPort(port: number, least: number): boolean {
  return Number.isInteger(port) && port >= least && port <= 65_535;
}

function checkMounts(mounts: readonly Mount[], name: string): string[] {
  const tooMany = checkCount(mounts, name);
  if (tooMany.length > 0) return tooMany;
  return mounts.flatMap(({ kind, source, target }, index) => {
    const place = `entry ${index + 1} of ${name}`;
    const isTaken = mounts.slice(0, index).some((other) => other.target === target);
    return [
      ...checkSource(kind, source, place),
      ...checkTarget(target, place),
      ...(isTaken ? [`Expected each path in the container once in ${name}, got one again in ${place}.`] : []),
    ];
  });
}

function checkSource(kind: Mount['kind'], source: string, place: string): string[] {
  if (kind === 'volume')
    return /^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,254}$/.test(source)
      ? []
      : [`Expected the volume in ${place} to be the name of one, got something else.`];
  return isPlainPath(source)
    ? []
    : [
        `Expected the host's path in ${place} to be absolute and without \`.\` or \`..\`, got something else.`,
      ];
}

/** Not over what a job's files and users are in: who uploads them would write into what is mounted. */
const reserved = /^\/(?:etc(?:\/passwd)?|secrets\.(?:yml|json)|(?:proc|sys|dev)(?:\/.*)?)?$/;

function checkTarget(target: string, place: string): string[] {
  if (!isPlainPath(target))
    return [
      `Expected the container's path in ${place} to be absolute and without \`.\` or \`..\`, got something else.`,
    ];
  if (!reserved.test(target)) return [];
  return [
    `Expected the container's path in ${place} not to be \`/\`, \`/etc\`, \`/etc/passwd\`, the secrets file, or in \`/proc\`, \`/sys\` or \`/dev\`.`,
  ];
}

/** In one spelling only, so that equal paths are equal texts. */
function isPlainPath(path: string): boolean {
  if (path.length > longestPath || path.includes('\0') || !path.startsWith('/')) return false;
  return (
    path === '/' ||
    path
      .slice(1)
      .split('/')
      .every((part) => !/^\.{0,2}$/.test(part))
  );
}

const least: Readonly<Record<keyof Limits, { least: number; whole: boolean; unit: string }>> = {
  cpus: { least: leastCpus, whole: false, unit: 'CPUs' },
  memoryBytes: { least: leastMemoryBytes, whole: true, unit: 'bytes' },
  pids: { least: 1, whole: true, unit: 'processes' },
  sharedMemoryBytes: { least: 1, whole: true, unit: 'bytes' },
  cpuTimeMs: { least: 1_000, whole: false, unit: 'ms' },
  runTimeMs: { least: 1_000, whole: false, unit: 'ms' },
};

function checkLimits(limits: Limits, named: (field: OptionField) => string): string[] {
  return (Object.entries(limits) as [keyof Limits, number][]).flatMap(([field, value]) => {
    const { least: lowest, whole, unit } = least[field];
    const isFit = value >= lowest && (whole ? Number.isSafeInteger(value) : value <= Number.MAX_SAFE_INTEGER);
    return isFit ? [] : [`Expected ${named(field)} to be at least ${lowest} ${unit}, got ${value}.`];
  });
}

/** The engine counts whole seconds in 32 bits. */
const longestGraceMs = 86_400_000;

function checkGrace(ms: number | undefined, name: string): string[] {
  if (ms === undefined || (Number.isInteger(ms) && ms >= 0 && ms <= longestGraceMs)) return [];
  return [`Expected ${name} to be at most ${longestGraceMs} ms, got ${ms}.`];
}

function checkCount(list: readonly unknown[], name: string): string[] {
  if (list.length <= mostEntries) return [];
  return [`Expected ${name} to have at most ${mostEntries} entries, got ${list.length}.`];
}
