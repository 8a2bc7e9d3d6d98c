import type { ContainerRequest } from '../../src/executor/backend.js';
import { strictPolicy } from '../../src/job/options/policy.js';

/** A plain request for a container, with these changes. */
export function containerRequest(
  given: Partial<ContainerRequest> & Pick<ContainerRequest, 'jobId' | 'fence'>,
): ContainerRequest {
  return {
    queue: 'demo',
    owner: 'entity:1',
    image: 'busybox:latest',
    pullPolicy: 'IfNotPresent',
    entrypoint: [],
    command: [],
    workingDirectory: undefined,
    env: [],
    tty: false,
    init: undefined,
    content: undefined,
    secretsPath: '/secrets.yml',
    options: {},
    policy: strictPolicy,
    ...given,
  };
}
