import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GostintClient } from '../../demo/gostint-client.js';
import { connectDocker } from '../../rig/engine/docker.js';
import { ensureImage } from '../../rig/engine/image.js';
import type { StintServer } from '../../rig/stint/stint.js';
import { rigPart } from '../support/rig-part.js';
import { type CrashStage, openCrashStage } from './node-on-rig.js';

const image = 'busybox:latest';
const [engine] = await Promise.all([rigPart('engine'), rigPart('postgres'), rigPart('vault')]);
await ensureImage(connectDocker(engine.dockerHost), image);

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'stint-output-'));
});

afterEach(() => rm(root, { recursive: true }));

function start(stage: CrashStage, failpoints: Readonly<Record<string, string>> = {}): Promise<StintServer> {
  const settings = { STINT_JOBPROXY_PULL_POLICY: 'IfNotPresent', STINT_JOBPROXY_OUTPUT_ROOT: root };
  return stage.start('A', { ...settings, ...failpoints });
}

async function submit(stint: StintServer, client: GostintClient): Promise<string> {
  const cmd = ['sh', '-c', 'echo begun; sleep 2; echo done'];
  const response = await fetch(`${stint.url}/v1/jobproxy/submit`, {
    method: 'POST',
    headers: { 'x-auth-token': await client.minimalToken(), 'content-type': 'application/json' },
    body: JSON.stringify({ user: 'kai', container: { image, cmd }, stdout: 'out.txt' }),
  });
  return response.text();
}

// Before the file is written; after it, before the end is recorded; while the job runs.
test.each(['after-exit', 'before-record', 'first-output-stored'])(
  'Q1: a node that is killed at %s and comes back writes the file of its job all the same',
  async (name) => {
    await using stage = await openCrashStage();
    await using stint = await start(stage, { STINT_FAILPOINTS: `${name}=kill` });
    const id = await submit(stint, await stage.clientOf(stint));
    await stint.gone(20_000);

    await using next = await start(stage);
    await (await stage.clientOf(next)).wait(id, 30_000);

    expect(await readFile(join(root, 'kai/out.txt'), 'utf8')).toBe('begun\ndone\n');
    expect(await readdir(join(root, 'kai'))).toEqual(['out.txt']);
  },
  120_000,
);
