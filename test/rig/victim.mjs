// Starts an engine with a running container and a database, prints where they are, and waits to be killed.
const compiled = process.argv[2];
const { startEngine } = await import(`${compiled}/rig/engine/engine.js`);
const { startPostgres } = await import(`${compiled}/rig/postgres/postgres.js`);
const { connectDocker } = await import(`${compiled}/rig/engine/docker.js`);
const { ensureImage } = await import(`${compiled}/rig/engine/image.js`);

const [engine, postgres] = await Promise.all([
  startEngine({ alwaysOwn: true }),
  startPostgres({ alwaysOwn: true }),
]);
const docker = connectDocker(engine.dockerHost);
const { name } = await ensureImage(docker, 'busybox:latest');
const container = await docker.createContainer({
  Image: name,
  Cmd: ['sleep', '600'],
  HostConfig: { Init: true },
});
await container.start();
const { State, Id } = await container.inspect();
const pids = { engine: engine.own.pid, postgres: postgres.own.pid, container: State.Pid };
process.stdout.write(`${JSON.stringify({ pids, containerId: Id })}\n`);
setInterval(() => undefined, 60_000);
