import { access } from 'node:fs/promises';
import type Docker from 'dockerode';
import { afterEach, expect, test, vi } from 'vitest';
import { connectDocker, pingEngine } from '../../../rig/engine/docker.js';
import { type Engine, explainUnusable, startEngine } from '../../../rig/engine/engine.js';
import { ensureImage } from '../../../rig/engine/image.js';
import type { OwnEngine } from '../../../rig/engine/own-engine.js';

afterEach(() => {
  vi.unstubAllEnvs();
});

async function startOwn(args: string[] = []): Promise<Engine & { own: OwnEngine }> {
  const engine = await startEngine({ alwaysOwn: true, args });
  if (engine.own === undefined) throw new Error('Expected a private engine.');
  return Object.assign(engine, { own: engine.own });
}

/** Starts a busybox container that keeps running. */
async function startSleeper(docker: Docker): Promise<Docker.Container> {
  const { name } = await ensureImage(docker, 'busybox:latest');
  const container = await docker.createContainer({ Image: name, Cmd: ['sleep', '600'] });
  await container.start();
  return container;
}

async function runForOutput(docker: Docker, cmd: string[]): Promise<string> {
  const { name } = await ensureImage(docker, 'busybox:latest');
  const container = await docker.createContainer({ Image: name, Cmd: cmd, Tty: true });
  await container.start();
  await container.wait();
  return String(await container.logs({ stdout: true, stderr: true }));
}

test('a container runs on the bridge of a private engine', async () => {
  await using engine = await startOwn();

  const output = await runForOutput(connectDocker(engine.dockerHost), ['ip', '-4', 'addr', 'show', 'eth0']);

  expect(output).toMatch(/inet 172\.17\.0\.2\/16/);
});

test('two engines run containers at the same time, each on its own bridge', async () => {
  await using first = await startOwn();
  await using second = await startOwn();
  const clients = [connectDocker(first.dockerHost), connectDocker(second.dockerHost)];

  const outputs = await Promise.all(
    clients.map((docker) => runForOutput(docker, ['ip', 'addr', 'show', 'eth0'])),
  );

  expect(outputs[0]).toContain('172.17.0.2');
  expect(outputs[1]).toContain('172.17.0.2');
});

test('a killed engine can be started again and finds its running container', async () => {
  await using engine = await startOwn(['--live-restore']);
  const docker = connectDocker(engine.dockerHost);
  const container = await startSleeper(docker);

  await engine.own.kill();
  const problem = await pingEngine(engine.dockerHost);
  await engine.own.start();

  expect(problem).toBeDefined();
  expect((await container.inspect()).State).toMatchObject({ Running: true, Pid: expect.any(Number) });
});

test('a disposed engine leaves no directory, although a container of it was running', async () => {
  const engine = await startOwn();
  await startSleeper(connectDocker(engine.dockerHost));

  await engine[Symbol.asyncDispose]();

  await expect(access(engine.own.directory)).rejects.toThrow('ENOENT');
  expect(await pingEngine(engine.dockerHost)).toBeDefined();
});

test('the engine of DOCKER_HOST is used and left running', async () => {
  await using engine = await startOwn();
  vi.stubEnv('DOCKER_HOST', engine.dockerHost);

  const found = await startEngine();
  await found[Symbol.asyncDispose]();

  expect(found).toMatchObject({ dockerHost: engine.dockerHost, own: undefined });
  expect(await pingEngine(engine.dockerHost)).toBeUndefined();
});

test('an engine of DOCKER_HOST that does not answer is an error and not replaced by another', async () => {
  vi.stubEnv('DOCKER_HOST', 'unix:///nowhere/docker.sock');

  const start = startEngine();

  await expect(start).rejects.toThrow(
    /DOCKER_HOST="unix:\/\/\/nowhere\/docker.sock".*ENOENT.*unset DOCKER_HOST/,
  );
});

test.each([
  ['EACCES', /usermod -aG docker/],
  ['ENOENT', /systemctl start docker/],
  ['ECONNREFUSED', /systemctl start docker/],
])('without root rights the error for %s says what to do', (code, fix) => {
  const problem = Object.assign(new Error(`connect ${code} /var/run/docker.sock`), { code });

  const error = explainUnusable(problem);

  expect(error.message).toMatch(fix);
});
