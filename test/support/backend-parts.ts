import { type ArchiveRules, defaultArchiveLimits } from '../../src/docker/archive/rules.js';
import type { ContainerSettings } from '../../src/docker/container/container.js';
import type { EngineState } from '../../src/docker/engine/engine.js';
import { toEngineState } from '../../src/docker/engine/facts.js';
import { usualConfinement } from '../../src/docker/program/confinement.js';

export const testSettings: ContainerSettings = {
  installation: '0123456789abcdef',
  node: 'node-1',
  tagKey: Buffer.alloc(32, 1),
  memoryBytes: 64 * 1024 * 1024,
  cpus: 1,
  pids: 64,
  network: 'none',
  confinement: usualConfinement,
  init: 'auto',
  sharedMemoryBytes: 1024 * 1024,
  logBytes: 1024 * 1024,
};

export const testRules: ArchiveRules = {
  limits: defaultArchiveLimits,
  allowLinks: true,
  ownFiles: ['etc/passwd'],
};

export function engineState(more: Partial<EngineState> = {}): EngineState {
  return { ...toEngineState({}), ...more };
}
