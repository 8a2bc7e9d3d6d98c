import type { ContainerFacts, Engine, EngineState, FoundImage } from '../../src/docker/engine/engine.js';

const calls =
  'version info hasNetwork findNetwork createNetwork findImage pull resolve create findContainer listContainers upload findFile findPath attach start wait readLog openLog recallEnd cpuTime wasKilled hasTask stop kill signal processes remove close listImages loadImage removeImage imagesInUse';

/** An engine with the given calls; any other call throws an error that says so. */
export function fakeEngine(given: Partial<Engine>): Engine {
  const refusals = calls.split(' ').map((call) => [
    call,
    () => {
      throw new Error(`Expected no call of \`${call}\`.`);
    },
  ]);
  return { ...(Object.fromEntries(refusals) as Engine), ...given };
}

/** An image with an empty configuration, with these changes. */
export function foundImage(
  id: string,
  given: Partial<FoundImage['config']> = {},
  more: Partial<FoundImage> = {},
): FoundImage {
  const config = { entrypoint: [], command: [], env: [], workingDirectory: '', labels: {}, ...given };
  return { id, config, layers: [`layer of ${id}`], digests: [], isHollow: false, ...more };
}

/** What an engine reports about itself, with these changes. */
export function engineState(given: Partial<EngineState> = {}): EngineState {
  return {
    clock: undefined,
    id: 'engine-1',
    containers: 0,
    containersRunning: 0,
    containersPaused: 0,
    containersStopped: 0,
    images: 0,
    memTotalBytes: 0,
    cpus: 1,
    architecture: 'x86_64',
    operatingSystem: 'Debian',
    serverVersion: '20.10.24',
    dataRoot: '/var/lib/docker',
    hasSystemStore: false,
    securityOptions: [],
    missingLimits: [],
    ...given,
  };
}

/** A container that ended with 0, with these changes. */
export function containerFacts(given: Partial<ContainerFacts> = {}): ContainerFacts {
  return {
    id: 'c1',
    labels: {},
    status: 'exited',
    exitCode: 0,
    outOfMemory: false,
    startedAt: new Date(1_000),
    finishedAt: new Date(2_000),
    pid: undefined,
    tty: false,
    mounts: [],
    ports: [],
    ...given,
  };
}
