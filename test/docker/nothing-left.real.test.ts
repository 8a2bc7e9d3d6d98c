import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { buildImage } from '../../rig/engine/image.js';
import { openDockerBench, runJob } from '../support/docker-bench.js';
import { rigPart } from '../support/rig-part.js';

const { dockerHost } = await rigPart('engine');
const bench = await openDockerBench(dockerHost);
const image = `stint-test/volume-${randomUUID()}:1`;
await buildImage(bench.docker, { tag: image, volumes: ['/scratch'] });
afterAll(async () => {
  await bench.docker.getImage(image).remove();
  await bench[Symbol.asyncDispose]();
});

const jobs = 100;
const atOnce = 5;

/** What jobs could leave at the engine and on this host. Other test files use the same engine: only ours counts. */
async function lookAround() {
  const { Volumes: volumes } = await bench.docker.listVolumes();
  return {
    containers: await bench.containers(),
    volumes: new Set((volumes ?? []).map(({ Name }) => Name)),
    files: await bench.hostFiles(),
  };
}

/** Prints the name of its anonymous volume, to tell it from other volumes. */
async function runTiny(): Promise<string> {
  const script =
    'dd if=/dev/zero of=/tmp/big bs=64k count=16 2>/dev/null; grep " /scratch " /proc/self/mountinfo';
  const { stdout, exit } = await runJob(bench, { image, entrypoint: ['sh', '-c', script] });
  expect(exit.exitCode).toBe(0);
  return /volumes\/([0-9a-f]{64})\/_data/.exec(stdout.toString())?.[1] ?? 'no volume';
}

test('E9: a hundred jobs leave no container, no anonymous volume and no file on this host', {
  timeout: 600_000, // An engine on a loaded machine needs seconds for each.
}, async () => {
  const made: string[] = [];
  for (let round = 0; round < jobs / atOnce; round++)
    made.push(...(await Promise.all(Array.from({ length: atOnce }, runTiny))));

  const left = await lookAround();

  expect(new Set(made).size).toBe(jobs);
  expect(made).not.toContain('no volume');
  expect(left.containers).toEqual([]);
  expect(made.filter((name) => left.volumes.has(name))).toEqual([]);
  expect(left.files).toEqual([]);
  expect(bench.failures).toEqual([]);
});
