import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { buildImage } from '../../rig/engine/image.js';
import { openDockerBackend } from '../../src/docker/backend.js';
import type { ContainerRequest } from '../../src/executor/backend.js';
import { backendContract } from '../contract/backend.contract.js';
import { type BackendBench, newClaim } from '../contract/backend-bench.js';
import { containerRequest } from '../support/container-request.js';
import { openDockerBench } from '../support/docker-bench.js';
import type { Act } from '../support/fake-container.js';
import { rigPart } from '../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
const metadata = 'secret_refs:\n  - a@kv/data/b.c\n';
const describedImage = { image: 'stint-test/described:1', metadata };
const linkedImage = 'stint-test/linked:1';

/** As Nix makes them: what lies at a known place is a link to somewhere else. */
const links = {
  '/gostint_image.yml': { target: 'etc/about/image.yml' },
  '/etc/about': { target: '/srv/about' },
  '/srv/about/image.yml': metadata,
};

const unstartableImage = 'stint-test/unstartable:1';

/** Of the names of `unstartable`. */
const unstartables = {
  '/opt/capabilities': { content: await readFile('/bin/busybox'), mode: 0o755, hasCapabilities: true },
  '/opt/link_loop': { target: 'link_loop' },
  '/opt/interpreter': { content: '#!/opt/nonesuch\necho\n', mode: 0o755 },
  '/opt/windows_line_ends': { content: '#!/bin/sh\r\necho\r\n', mode: 0o755 },
};

async function startRealBench(): Promise<BackendBench> {
  const bench = await openDockerBench(dockerHost);
  await buildImage(bench.docker, { tag: describedImage.image, files: { '/gostint_image.yml': metadata } });
  await buildImage(bench.docker, { tag: linkedImage, files: links });
  await buildImage(bench.docker, { tag: unstartableImage, files: unstartables });
  const unavailable = await openDockerBackend({
    ...bench.options,
    docker: { host: 'unix:///nowhere/docker.sock', pullTimeoutMs: 1_000 },
    sharedKey: randomBytes(32),
  });
  return {
    backend: bench.backend,
    unavailable,
    describedImage,
    linkedImage,
    request: (acts, more) => containerRequest({ ...newClaim(), ...commandFor(acts), ...more }),
    exists: async (id) => (await bench.containers()).includes(id),
    countLeft: async () => (await bench.containers()).length + (await bench.hostFiles()).length,
    [Symbol.asyncDispose]: async () => {
      await unavailable[Symbol.asyncDispose]();
      await bench[Symbol.asyncDispose]();
    },
  };
}

/** A shell that runs the scripted steps. */
function commandFor(acts: readonly Act[]): Partial<ContainerRequest> {
  const [first] = acts;
  if (first !== undefined && 'missing' in first) return { command: [first.missing] };
  if (first !== undefined && 'unstartable' in first)
    return { image: unstartableImage, command: [`/opt/${first.unstartable}`] };
  return { command: ['sh', '-c', acts.map(toShell).join('\n')] };
}

/** Opened for reading too, a pipe can be opened whoever has its other end. */
function toLoop({ echo, pipe }: Extract<Act, { echo: string }>): string {
  const path = `/run/stint/streams/${pipe}`;
  const open = pipe === undefined ? '' : `exec <>${path}.in >${path}.out; `;
  return `${open}while read -r line && [ "$line" != '${echo}' ]; do echo "$line"; done`;
}

function toShell(act: Act): string {
  if ('print' in act) return `printf %s '${Buffer.from(act.print)}'${act.on === 'stderr' ? ' >&2' : ''}`;
  if ('show' in act) return 'cat /secrets.yml';
  if ('exit' in act) return `exit ${act.exit}`;
  if ('echo' in act) return toLoop(act);
  if (!('linger' in act)) throw new Error(`Expected an act of a shell, got ${JSON.stringify(act)}.`);
  const onSignal = act.linger === 'until_told' ? 'exit 143' : '';
  return `trap '${onSignal}' TERM; while :; do sleep 0.05; done`;
}

backendContract('a real engine', startRealBench);
