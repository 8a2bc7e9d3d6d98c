import {
  type Arbitrary,
  array,
  boolean,
  constant,
  constantFrom,
  dictionary,
  integer,
  jsonValue,
  oneof,
  record,
  string,
  tuple,
} from 'fast-check';
import type { Door } from '../../src/job/job.js';

/** What people try, in the words of Docker, Compose, Kubernetes and others. */
const engineWords = [
  'Privileged privileged CapAdd cap_add capAdd Devices devices device_cgroup_rules Binds binds VolumesFrom volumes_from',
  'PidMode pid IpcMode ipc UTSMode UsernsMode userns_mode CgroupnsMode CgroupParent cgroup_parent Runtime runtime Isolation',
  'SecurityOpt security_opt securityContext Sysctls sysctls RestartPolicy restart LogConfig logging Links links ExtraHosts',
  'HostConfig hostConfig NetworkMode network_mode hostPID hostIPC hostUsers Labels labels stint.tag StopSignal Healthcheck',
  'OomKillDisable OomScoreAdj GroupAdd group_add MaskedPaths ReadonlyPaths ShmSize Ulimits ulimits StorageOpt Tmpfs Init',
  '__proto__ constructor options limits mounts user network Domainname MacAddress NetworkingConfig Platform',
].flatMap((line) => line.split(' '));

const extras = dictionary(
  oneof(constantFrom(...engineWords), string({ maxLength: 8 })),
  oneof(jsonValue({ maxDepth: 2 }), constant(true), constantFrom('host', 'container:x', 'unconfined', 'ALL')),
  { maxKeys: 4 },
);
const port = oneof(integer({ min: 0, max: 70_000 }), constantFrom(0, 18_000, 18_009, 22));
const amount = oneof(integer({ min: -1, max: 10 }), constantFrom('1', '64M', '1G', '0.5', '1e9'));
/** Few at once, so that many a body is accepted. */
const maybe = <T>(arbitrary: Arbitrary<T>) =>
  oneof({ weight: 4, arbitrary: constant(undefined) }, { weight: 1, arbitrary });
const words = array(string({ maxLength: 5 }), { maxLength: 3 });

/** What may be named in a body. */
interface Named {
  readonly image: Arbitrary<string>;
  readonly path: Arbitrary<string>;
}

const gostint = ({ image }: Named): Arbitrary<object> =>
  tuple(
    extras,
    record({
      container_image: image,
      run: words,
      wrap_secret_id: constant('s.w'),
      tty: boolean(),
      init: boolean(),
    }),
  ).map(([more, body]) => ({ ...body, ...more }));

const jobproxy = ({ image, path }: Named): Arbitrary<object> =>
  tuple(
    extras,
    extras,
    record({ cores: maybe(amount), memory: maybe(amount), cputime: maybe(amount) }),
    record({
      image,
      cmd: constant(['true']),
      ports: array(record({ port: record({ hostPort: port, containerPort: port }) }), { maxLength: 2 }),
      mounts: array(
        record({
          mount: record({
            hostPath: path,
            containerPath: constantFrom('/a', '/etc', '/b'),
            readonly: maybe(boolean()),
          }),
        }),
        { maxLength: 2 },
      ),
    }),
  ).map(([more, inner, limits, container]) => ({
    ...more,
    user: 'ines',
    ...limits,
    container: { ...inner, ...container },
  }));

const runai = ({ image, path }: Named): Arbitrary<object> =>
  tuple(
    extras,
    record({
      project: constant('vision'),
      image,
      hostNetwork: maybe(boolean()),
      hostIpc: maybe(boolean()),
      runAsUid: maybe(constantFrom(0, 1000, 2001)),
      runAsGid: maybe(constantFrom(0, 100)),
      gpu: maybe(integer({ min: 0, max: 4 })),
      cpuLimit: maybe(amount),
      memoryLimit: maybe(amount),
      largeShm: maybe(boolean()),
      createHomeDir: maybe(boolean()),
      ports: maybe(array(record({ container: port, external: port }), { maxLength: 2 })),
      volumes: maybe(
        array(record({ sourcePath: path, targetPath: constantFrom('/a', '/proc/x'), readOnly: boolean() }), {
          maxLength: 2,
        }),
      ),
    }),
  ).map(([more, job]) => ({ job: { ...more, ...withoutUndefined(job) } }));

const gaffer = ({ image, path }: Named): Arbitrary<object> =>
  tuple(
    extras,
    record({
      name: constant('web'),
      cmd: constant('httpd'),
      image: maybe(image),
      uid: maybe(constantFrom(0, 1000, 2001)),
      gid: maybe(constantFrom(0, 100)),
      cwd: maybe(path),
      shell: maybe(boolean()),
      redirect_input: maybe(boolean()),
      graceful_timeout: maybe(integer({ min: 0, max: 100 })),
    }),
  ).map(([more, job]) => ({ ...more, ...withoutUndefined(job) }));

/** A stage of a pipeline: the jobs of this door ask for nothing else. */
const lopco = ({ image, path }: Named): Arbitrary<object> =>
  tuple(extras, extras, extras, record({ image, data_cache_path: maybe(path) })).map(
    ([more, inner, inputs, worker]) => ({
      ...more,
      worker: { ...inner, input: { type: 'single', ...inputs }, ...withoutUndefined(worker) },
      input_map: { a: 'init_source' },
    }),
  );

/** Bodies that ask each door for whatever a client could think of, most of which is refused. `root` has `ref` and `scratch`. */
export function wildBodies(images: readonly string[], root: string): Record<Door, Arbitrary<object>> {
  const below = ['ref', 'ref/a', 'ref/../..', 'scratch'].map((path) => `${root}/${path}`);
  const path = constantFrom(...below, '/', '/etc', '/var/run/docker.sock', 'cache', 'other');
  const named = { image: constantFrom(...images), path };
  return {
    gostint: gostint(named),
    jobproxy: jobproxy(named),
    runai: runai(named),
    gaffer: gaffer(named),
    lopco: lopco(named),
  };
}

function withoutUndefined(fields: object): object {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}
