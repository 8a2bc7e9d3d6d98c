// Checks the form of what a job asks of its container, whatever the operator allows.

import { checkLimits, checkReservations } from './check-limits.js';
import { type Named, nameOf, type OptionField, type OptionNames } from './option-names.js';
import type { ContainerOptions, Mount, PortMapping } from './options.js';
import { checkPipes, pipesDirectory } from './pipes.js';

const mostEntries = 64;
const longestPath = 4096;
const largestId = 2 ** 31 - 1;
/** More than any node has. */
export const mostGpus = 1024;

/** All problems, one sentence each, with the client's names for the fields. */
export function checkOptions(options: ContainerOptions, names: OptionNames = {}): string[] {
  const named = (field: OptionField) => `\`${nameOf(field, names)}\``;
  const { user, network, ports = [], mounts = [], limits = {}, reserved = {}, gpus, stopGraceMs } = options;
  return [
    ...(user === undefined || user === 'image' || (isId(user.uid) && isId(user.gid))
      ? []
      : [`Expected ${named('user')} to be numbers from 0 to ${largestId}, got others.`]),
    ...checkNetwork(network, named('network')),
    ...checkPorts(ports, named('ports')),
    ...checkMounts(mounts, named),
    ...checkHome(options, named),
    ...checkLimits(limits, named),
    ...checkReservations(reserved, limits, named),
    ...checkGpus(gpus, named('gpus')),
    ...checkGrace(stopGraceMs, named('stopGraceMs')),
    ...checkPipes(options.pipes ?? [], named('pipes')),
    ...checkPipesPlace(options, named),
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

function checkMounts(mounts: readonly Mount[], named: Named): string[] {
  const tooMany = checkCount(mounts, named('mounts'));
  if (tooMany.length > 0) return tooMany;
  return mounts.flatMap((mount, index) => {
    const { kind, source, target } = mount;
    const place = placeOf(mount, mounts, named);
    const isTaken = mounts.slice(0, index).some((other) => other.target === target);
    return [
      ...checkSource(kind, source, place),
      ...checkTarget(target, `the container's path in ${place}`),
      ...(isTaken ? [`Expected each path in the container once, got one again in ${place}.`] : []),
    ];
  });
}

/** A client that calls volumes otherwise than paths counts them by themselves. */
function placeOf(mount: Mount, mounts: readonly Mount[], named: Named): string {
  const name = nameOfMount(mount, named);
  const alike = mounts.filter((each) => nameOfMount(each, named) === name);
  return `entry ${alike.indexOf(mount) + 1} of ${name}`;
}

function nameOfMount({ kind }: Mount, named: Named): string {
  return named(kind === 'volume' ? 'volumes' : 'mounts');
}

/** It is a mount as well: nothing else may lie at its path. */
function checkHome({ home, mounts = [] }: ContainerOptions, named: Named): string[] {
  if (home === undefined) return [];
  const isTaken = mounts.some(({ target }) => target === home);
  const taken = isTaken ? [`Expected no mount at the path of ${named('home')}, got one.`] : [];
  return [...checkTarget(home, named('home')), ...taken];
}

function checkPipesPlace({ pipes = [], home, mounts = [] }: ContainerOptions, named: Named): string[] {
  const targets = [home, ...mounts.map(({ target }) => target)];
  if (pipes.length === 0 || !targets.includes(pipesDirectory)) return [];
  return [`Expected no mount at \`${pipesDirectory}\`, where ${named('pipes')} are, got one.`];
}

function checkGpus(gpus: number | undefined, name: string): string[] {
  if (gpus === undefined || (Number.isInteger(gpus) && gpus >= 1 && gpus <= mostGpus)) return [];
  return [`Expected ${name} to be a whole number from 1 to ${mostGpus}, got ${gpus}.`];
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
    return [`Expected ${place} to be absolute and without \`.\` or \`..\`, got something else.`];
  if (!reserved.test(target)) return [];
  return [
    `Expected ${place} not to be \`/\`, \`/etc\`, \`/etc/passwd\`, the secrets file, or in \`/proc\`, \`/sys\` or \`/dev\`.`,
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
