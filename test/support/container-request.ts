import type { ContainerRequest } from '../../src/executor/backend.js';

/** A request for a container with nothing special in it, but for what is given. */
export function containerRequest(
  given: Partial<ContainerRequest> & Pick<ContainerRequest, 'jobId' | 'fence'>,
): ContainerRequest {
  return {
    queue: 'demo',
    image: 'busybox:latest',
    pullPolicy: 'IfNotPresent',
    entrypoint: [],
    command: [],
    workingDirectory: undefined,
    env: [],
    tty: false,
    content: undefined,
    secretsPath: '/secrets.yml',
    ...given,
  };
}
