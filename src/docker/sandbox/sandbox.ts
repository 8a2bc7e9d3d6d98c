// What a sandbox is made of, and how it is recognized: a container that only keeps a network for the one that joins it.
import { randomBytes } from 'node:crypto';
import type { ContainerRequest } from '../../executor/backend.js';
import {
  type ContainerSettings,
  type CreateOptions,
  keyedTag,
  sandboxLabel,
  tagLabel,
} from '../container/container.js';
import { isJobContainer } from '../container/job-removal.js';
import type { ListedContainer } from '../engine/engine.js';
import { engineNetwork, isolated } from '../engine/networks.js';
import { confinedOptions, usualConfinement } from '../program/confinement.js';

/** What of a job decides whether it gets one. */
export type SandboxRequest = Pick<ContainerRequest, 'options' | 'owner' | 'policy'>;

/** No two have the same one. */
export function newSandboxName({ installation }: ContainerSettings): string {
  return `stint-${installation.slice(0, 8)}-sandbox-${randomBytes(8).toString('hex')}`;
}

/**
 * Whether a job with these options can be given one: only the isolated network is the same for every job. Ports are published
 * where the network is made, so a job that publishes some makes its own. What one with capabilities may change of its network is
 * more than what is looked at afterwards.
 */
export function suitsSandbox(
  settings: ContainerSettings,
  { options: { network, ports = [] }, policy }: SandboxRequest,
): boolean {
  const isUsual = ports.length === 0 && policy.capabilities.length === 0;
  return isUsual && (network ?? settings.network) === isolated;
}

/** It runs nothing but our program, with no right and next to no memory. */
export function sandboxOptions(settings: ContainerSettings, name: string, imageId: string): CreateOptions {
  const { installation, node } = settings;
  return {
    Image: imageId,
    User: '65534:65534',
    Labels: {
      'stint.installation': installation,
      'stint.node': node,
      'stint.purpose': 'sandbox',
      [tagLabel]: sandboxTag(settings, name),
    },
    HostConfig: {
      ...confinedOptions({ ...usualConfinement, readOnly: true }, []),
      LogConfig: { Type: 'none', Config: {} },
      NetworkMode: engineNetwork(isolated),
      Memory: memoryBytes,
      MemorySwap: memoryBytes,
      PidsLimit: 32, // What starts it has threads.
    },
  };
}

const memoryBytes = 32 * 1024 * 1024;

/** Whether our installation made this container to be a sandbox. */
export function isSandbox(settings: ContainerSettings, { name, labels }: ListedContainer): boolean {
  return labels[tagLabel] === sandboxTag(settings, name);
}

/** The sandboxes that a container of one of our jobs has joined, by name: it loses its network with them. */
export function sandboxesInUse(
  settings: ContainerSettings,
  listed: readonly ListedContainer[],
): ReadonlySet<string> {
  const users = listed.filter((container) => isJobContainer(settings, container));
  return new Set(users.flatMap(({ labels }) => labels[sandboxLabel] ?? []));
}

function sandboxTag({ tagKey, installation }: ContainerSettings, name: string): string {
  return keyedTag(tagKey, [installation, 'sandbox', name]);
}
