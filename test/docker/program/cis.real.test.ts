import { randomUUID } from 'node:crypto';
import type { ContainerInspectInfo } from 'dockerode';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { usualConfinement } from '../../../src/docker/program/confinement.js';
import { containerRequest } from '../../support/container-request.js';
import { type DockerBench, openDockerBench } from '../../support/docker-bench.js';
import { rigPart } from '../../support/rig-part.js';

// The CIS Docker Benchmark, section on the run time of containers, as far as it is about what a container is created with.

const { dockerHost } = await rigPart('engine');
let live: ContainerInspectInfo;
let securityOptions: string[];
const benches: DockerBench[] = [];

/** A job as an operator gets it who sets what the documents recommend. */
beforeAll(async () => {
  const usual = await openDockerBench(dockerHost);
  const confinement = { ...usualConfinement, readOnly: true };
  const job = { ...usual.options.job, network: 'isolated' };
  const bench = await openDockerBench(dockerHost, { job, confinement });
  benches.push(usual, bench);
  const request = containerRequest({ jobId: randomUUID(), fence: 1, command: ['sleep', '300'] });
  const container = await bench.backend.prepare(request, new AbortController().signal);
  await container.deliver(Buffer.from('TOKEN: x\n'));
  await container.start();
  live = await bench.docker.getContainer(container.id).inspect();
  ({ SecurityOptions: securityOptions } = (await bench.docker.info()) as { SecurityOptions: string[] });
});

afterAll(async () => {
  for (const bench of benches) await bench[Symbol.asyncDispose]();
});

type Answer = boolean | 'not on this engine';
const sensitive = ['/', '/boot', '/dev', '/etc', '/lib', '/proc', '/sys', '/usr', '/var/run', '/run'];
const sources = () => (live.HostConfig.Mounts ?? []).map(({ Source }) => Source ?? '');

/** Where an engine has no AppArmor or SELinux there is nothing to ask of a container. */
function onlyWith(name: string, check: () => boolean): Answer {
  return securityOptions.some((option) => option.includes(`name=${name}`)) ? check() : 'not on this engine';
}

const checks: Record<string, () => Answer> = {
  'AppArmor profile': () =>
    onlyWith('apparmor', () => !['', 'unconfined'].includes(live.AppArmorProfile ?? '')),
  'SELinux label': () => onlyWith('selinux', () => live.ProcessLabel !== ''),
  'capabilities: none': () =>
    live.HostConfig.CapDrop?.includes('ALL') === true && (live.HostConfig.CapAdd ?? []).length === 0,
  'not privileged': () => live.HostConfig.Privileged === false,
  'no sensitive directory of the host': () => sources().every((source) => !sensitive.includes(source)),
  'no privileged port': () =>
    Object.values(live.HostConfig.PortBindings ?? {}).every((bindings) =>
      (bindings as { HostPort: string }[]).every(
        ({ HostPort }) => Number(HostPort) === 0 || Number(HostPort) > 1023,
      ),
    ),
  'network of the host not shared': () => live.HostConfig.NetworkMode !== 'host',
  'memory limited': () => (live.HostConfig.Memory ?? 0) > 0,
  'CPU limited': () => (live.HostConfig.NanoCpus ?? 0) > 0,
  'root file system read-only': () => live.HostConfig.ReadonlyRootfs === true,
  'published ports bound to an interface': () =>
    Object.values(live.HostConfig.PortBindings ?? {}).flat().length === 0,
  'not restarted without end': () => ['', 'no'].includes(live.HostConfig.RestartPolicy?.Name ?? ''),
  'processes of the host not shared': () => live.HostConfig.PidMode === '',
  'IPC of the host not shared': () => live.HostConfig.IpcMode === 'private',
  'no devices of the host': () =>
    (live.HostConfig.Devices ?? []).length === 0 && (live.HostConfig.DeviceRequests ?? []).length === 0,
  'limits of processes set': () => (live.HostConfig.Ulimits ?? []).some(({ Name }) => Name === 'core'),
  'mounts are not propagated': () =>
    live.Mounts.every(({ Propagation }) => !['shared', 'rshared'].includes(Propagation ?? '')),
  'UTS of the host not shared': () => live.HostConfig.UTSMode === '',
  'seccomp not switched off': () =>
    securityOptions.some((option) => option.startsWith('name=seccomp')) &&
    !(live.HostConfig.SecurityOpt ?? []).some((option: string) => /seccomp.*unconfined/.test(option)),
  'cgroup of the engine': () => live.HostConfig.CgroupParent === '',
  'no new privileges': () => live.HostConfig.SecurityOpt?.includes('no-new-privileges') === true,
  'processes and threads limited': () => (live.HostConfig.PidsLimit ?? 0) > 0,
  'not on docker0': () => !Object.keys(live.NetworkSettings.Networks).includes('bridge'),
  'user namespaces of the host not shared': () => live.HostConfig.UsernsMode === '',
  'socket of the engine not mounted': () => sources().every((source) => !source.endsWith('docker.sock')),
};

test.each(Object.keys(checks))('a live job: %s', (name) => {
  expect(checks[name]?.()).not.toBe(false);
});

test('runs no health check, which the benchmark asks for: it would be commands of the image that nobody asked for', () => {
  expect(live.Config.Healthcheck).toEqual({ Test: ['NONE'] });
});
