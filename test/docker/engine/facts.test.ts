import type Docker from 'dockerode';
import { describe, expect, test } from 'vitest';
import {
  toContainerFacts,
  toEngineState,
  toEngineVersion,
  toFoundImage,
  toListedContainer,
  toPathFacts,
} from '../../../src/docker/engine/facts.js';

test('an engine state is complete whatever the engine leaves out', () => {
  expect(toEngineState({})).toEqual({
    id: '',
    clock: undefined,
    dataRoot: '',
    hasSystemStore: false,
    containers: 0,
    containersRunning: 0,
    containersPaused: 0,
    containersStopped: 0,
    images: 0,
    memTotalBytes: 0,
    cpus: 0,
    architecture: '',
    operatingSystem: '',
    serverVersion: '',
    securityOptions: [],
    missingLimits: [],
  });
});

test('an engine state lists the limits that the engine cannot enforce', () => {
  const state = toEngineState({
    MemoryLimit: false,
    SwapLimit: true,
    PidsLimit: false,
    SecurityOptions: null,
  });

  expect(state.missingLimits).toEqual(['memory', 'pids']);
});

const snapshotter = [['driver-type', 'io.containerd.snapshotter.v1']];
const system = { Address: '/run/containerd/containerd.sock' };

test.each([
  [true, 'the containerd of the system', { DriverStatus: snapshotter, Containerd: system }],
  [
    true,
    'the same by its other path',
    { DriverStatus: snapshotter, Containerd: { Address: `/var${system.Address}` } },
  ],
  [
    false,
    'one of its own',
    { DriverStatus: snapshotter, Containerd: { Address: '/var/run/docker/containerd/containerd.sock' } },
  ],
  [false, 'its graph driver', { DriverStatus: [['Backing Filesystem', 'extfs']], Containerd: system }],
  [false, 'what it does not say', { DriverStatus: null, Containerd: null }],
])('it is %s that an engine with %s has its images outside of its root', (expected, _, answer) => {
  expect(toEngineState(answer).hasSystemStore).toBe(expected);
});

test('a container that never started has neither start nor end', () => {
  const never = '0001-01-01T00:00:00Z';
  const facts = toContainerFacts({
    Id: 'c1',
    Config: { Labels: { a: 'b' } },
    State: { Status: 'created', ExitCode: 0, OOMKilled: false, StartedAt: never, FinishedAt: never },
  } as unknown as Docker.ContainerInspectInfo);

  expect(facts).toEqual({
    id: 'c1',
    labels: { a: 'b' },
    status: 'created',
    exitCode: 0,
    outOfMemory: false,
    startedAt: undefined,
    finishedAt: undefined,
    pid: undefined,
    tty: false,
    mounts: [],
    ports: [],
  });
});

test('a listed container is named without the slash', () => {
  const listed = toListedContainer({
    Id: 'c1',
    Names: ['/stint-1'],
    Labels: {},
    Created: 5,
  } as unknown as Docker.ContainerInfo);

  expect(listed).toEqual({ id: 'c1', name: 'stint-1', labels: {}, createdAt: new Date(5_000) });
});

test.each([
  ['a directory', { mode: 2_147_484_141, linkTarget: '' }, { kind: 'directory', target: undefined }],
  ['a directory with a sticky bit', { mode: 2_148_532_735 }, { kind: 'directory', target: undefined }],
  ['a file', { mode: 493, linkTarget: '' }, { kind: 'other', target: undefined }],
  ['a link', { mode: 134_218_239, linkTarget: '/bin/busybox' }, { kind: 'link', target: '/bin/busybox' }],
  ['a link without a target', { mode: 134_218_239 }, { kind: 'link', target: undefined }],
])('an answer about a path says that it is %s', (_, stat, facts) => {
  expect(toPathFacts(Buffer.from(JSON.stringify(stat)).toString('base64'))).toEqual(facts);
});

test('an answer about a path without its header says nothing', () => {
  expect(toPathFacts(undefined)).toBeUndefined();
});

test.each([
  ['leaves out', { Id: 'sha256:1' }],
  ['sets to null', { Id: 'sha256:1', Config: { Entrypoint: null, Cmd: null, Env: null, Labels: null } }],
])('an image is complete whatever the engine %s', (_, answer) => {
  const config = { entrypoint: [], command: [], env: [], workingDirectory: '', labels: {} };

  expect(toFoundImage(answer)).toMatchObject({ id: 'sha256:1', config, layers: [], isHollow: false });
});

test('an engine is called what the first of its components is', () => {
  const answer = {
    Version: '4.3.1',
    ApiVersion: '1.41',
    Components: [{ Name: 'Podman Engine' }, { Name: 'Conmon' }],
  };

  expect(toEngineVersion(answer as unknown as Docker.DockerVersion)).toEqual({
    name: 'Podman Engine',
    serverVersion: '4.3.1',
    apiVersion: '1.41',
  });
  expect(toEngineVersion({ Version: '1', ApiVersion: '1.41' } as Docker.DockerVersion).name).toBe('');
});

describe('an image', () => {
  const rootFs = { Layers: ['sha256:1', 'sha256:2'] };

  test('is named by its layers, which are the same at every engine', () => {
    expect(toFoundImage({ Id: 'i', Os: 'linux', Architecture: 'amd64', RootFS: rootFs })).toMatchObject({
      layers: ['sha256:1', 'sha256:2'],
      isHollow: false,
    });
  });

  test('is hollow when the engine knows neither its layers nor its processor', () => {
    expect(toFoundImage({ Id: 'i', Os: '', Architecture: '', RootFS: {}, Config: {} }).isHollow).toBe(true);
  });

  test.each([
    ['without layers, as an empty one', { Os: 'linux', Architecture: 'amd64', RootFS: { Layers: null } }],
    ['of an unknown processor', { Os: '', Architecture: '', RootFS: rootFs }],
    ['of which the engine says little', {}],
  ])('%s is not', (_, answer) => {
    expect(toFoundImage({ Id: 'i', ...answer }).isHollow).toBe(false);
  });
});
