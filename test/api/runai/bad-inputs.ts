/** A submit that must be refused, and what the refusal has to say. */
export interface BadInput {
  readonly name: string;
  readonly body: string | Uint8Array;
  readonly status: number;
  /** What `details` must hold, in this order, with `…` between. */
  readonly details: string;
}

const small = { project: 'vision', image: 'alpine:3.20' };

function raw(name: string, body: string | Uint8Array, details: string, status = 400): BadInput {
  return { name, body, status, details };
}

/** A job in which only these fields are wrong. */
function job(fields: object, details: string, status = 400): BadInput {
  const shown = JSON.stringify(fields).slice(0, 50);
  return raw(shown, JSON.stringify({ job: { ...small, ...fields } }), details, status);
}

const body = 'the body';
const field = (json: string) => `{"job":{"project":"v","image":"a",${json}}}`;

export const badBodies: readonly BadInput[] = [
  raw('no body', '', `${body}…nothing`),
  raw('a form', 'project=vision&image=alpine', `${body}…JSON…at character 1`),
  raw('an open object', '{"job":{', `${body}…too early`),
  raw('a trailing comma', field('"environment":{"A":1,}'), `${body}…JSON…at character 56`),
  raw('a list', '[]', `${body}…JSON object…a list`),
  raw('no job', '{}', 'job must be an object, got nothing'),
  raw('a job that is a text', '{"job":"x"}', 'job must be an object, got a text'),
  raw('a job that is a list', '{"job":[]}', 'job must be an object, got a list'),
  raw('a field twice', field('"name":"a","name":"b"'), `${body}…once…"name" twice`),
  raw('a variable twice', field('"environment":{"A":1,"\\u0041":2}'), `${body}…once…"A" twice`),
  raw('a deep nesting', field(`"pvc":${'['.repeat(100)}${']'.repeat(100)}`), '64 levels'),
  raw('very many values', field(`"arguments":[${'"",'.repeat(30_001)}""]`), '30000 values'),
  raw('bytes that are no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'UTF-8'),
  raw('a large body', ' '.repeat(1024 * 1024 + 1), '1048576 bytes', 413),
];

export const badFields: readonly BadInput[] = [
  raw('no project', '{"job":{"image":"alpine"}}', 'project is required'),
  raw('no image', '{"job":{"project":"v"}}', 'image is required'),
  raw('neither', '{"job":{}}', 'project is required. image is required.'),
  job({ project: 'Vision' }, 'project must be lower-case letters…got "Vision"'),
  job({ project: 'a'.repeat(64) }, 'project must be…63 characters'),
  job({ project: 7 }, 'project must be a text, got a number'),
  job({ image: 'Alpine' }, '`image`…"Alpine"'),
  job({ image: '\ud800' }, 'image must be a text, got half of a surrogate pair'),
  job({ name: 'Upper' }, 'name must be…got "Upper"'),
  job({ name: '7up' }, 'name must be…a letter first'),
  job({ name: 'a-' }, 'name must be'),
  job({ name: 'a'.repeat(50) }, 'name must be…49 characters'),
  job({ name: 'a\nb' }, 'name must be…"a\\nb"'),
  job({ jobNamePrefix: '-a' }, 'jobNamePrefix must be…"-a"'),
  job({ interactive: 'yes' }, 'interactive must be `true` or `false`, got a text'),
  job({ command: `sh -c 'open` }, 'command must be a text whose quotes are closed'),
  job({ command: { a: 1 } }, 'command must be a list, got an object'),
  job({ command: ['sh', 7] }, 'entry 2 of command must be a text, got a number'),
  job({ arguments: Array(4097).fill('a') }, 'arguments must have at most 4096 entries, got 4097'),
  job({ arguments: 'a '.repeat(5000) }, '`arguments`…4096 entries'),
  job({ command: ['a\0b'] }, '`command`…NUL'),
  job({ environment: ['A=1'] }, 'environment must be a map, got a list'),
  job({ environment: { A: { b: 'canary' } } }, '"A" of environment must be a text'),
  job({ environment: { 'A=B': 'canary' } }, 'the name "A=B" of environment must be'),
  job({ environment: { '': 'canary' } }, 'environment'),
  raw('a number that loses digits', field('"environment":{"A":12345678901234567890}'), '"A" of environment'),
  raw('a number out of range', field('"environment":{"A":1e999}'), '"A" of environment'),
  job({ environment: { A: `canary${'x'.repeat(131_072)}` } }, '`environment`…131071 bytes'),
  job(
    { imagePullPolicy: 'Sometimes' },
    'imagePullPolicy must be one of Always, IfNotPresent, Never, got "Sometimes"',
  ),
  job({ workingDir: 'work' }, '`workingDir`…absolute path'),
  job({ tty: true }, 'tty needs stdin'),
  job({ gpu: 1.5 }, 'gpu must be a whole number or below 1, got 1.5.'),
  job({ pvc: ['::/a'] }, 'pvc is not supported'),
  job({ pvc: [':/a'] }, 'entry 1 of pvc must be a claim such as'),
  job({ pvc: ['a:b:c:/d'] }, 'entry 1 of pvc must be a claim such as'),
  job({ gpu: -1 }, 'gpu must be a number of at least 0, got -1'),
  job({ gpu: 'one' }, 'gpu must be a number…"one"'),
  job({ cpuLimit: -0.5 }, 'cpuLimit must be a number of at least 0, got -0.5'),
  job({ memoryLimit: '3 GB' }, 'memoryLimit must be an amount of memory…"3 GB"'),
  job({ memoryLimit: 0.5 }, 'memoryLimit must be a whole number'),
  job(
    { memory: '2Gi', memoryLimit: '1Gi' },
    'Expected `memory` to be at most `memoryLimit`, which is 1073741824, got 2147483648',
  ),
  job({ cpu: 2, cpuLimit: 1 }, 'Expected `cpu` to be at most `cpuLimit`, which is 1, got 2'),
  job({ memory: '1Mi' }, '`memory`…6291456 bytes'),
  job({ cpu: 0.001 }, '`cpu`…0.01 CPUs'),
  job({ cpu: 'many' }, 'cpu must be a number…"many"'),
  job({ gpu: 1025 }, '`gpu`…1024, got 1025'),
  job({ elastic: true, completions: 2, parallelism: 2 }, 'parallelism must be 1 where elastic'),
  job({ pvc: { path: '/a' } }, 'pvc must be a list, got an object'),
  job({ pvc: [7] }, 'entry 1 of pvc must be an object or a text, got a number'),
  job({ pvc: ['data'] }, 'entry 1 of pvc must be a claim such as `NAME:/path:ro`, got "data"'),
  job({ pvc: [{ name: 'data' }] }, 'entry 1 of pvc must be a claim with a `path`'),
  job({ pvc: [{ name: 'data', path: 'a' }] }, 'entry 1 of `pvc`…absolute'),
  job({ pvc: ['a/b:/data'] }, 'entry 1 of `pvc`…name'),
  job({ pvc: ['data:/proc/a'] }, 'entry 1 of `pvc`…/proc'),
  job({ pvc: ['data:/a'], volume: { '/srv/a': '/a' } }, '`pvc`'),
  job({ pvc: ['data:/home/runai-home'], createHomeDir: true }, 'no mount at the path of `createHomeDir`'),
  job({ memoryLimit: '1Mi' }, '`memoryLimit`…6291456 bytes'),
  job({ cpuLimit: 0.001 }, '`cpuLimit`…0.01 CPUs'),
  job({ volume: { 'srv/a': '/a' } }, 'entry 1 of `volume`…absolute'),
  job({ volume: { '/srv/a': 'a' } }, 'entry 1 of `volume`…absolute'),
  job({ volume: { '/srv/a': '/proc/a' } }, 'entry 1 of `volume`…/proc'),
  job({ volume: { '/srv/../etc': '/a' } }, 'entry 1 of `volume`…`..`'),
  job({ ports: [{ container: 80, external: 81 }, '81:82'] }, '`ports`…81 again'),
  job({ volume: ['/a'] }, 'volume must be a map, got a list'),
  job({ volume: { '/a': 7 } }, '"/a" of volume must be a text, got a number'),
  job(
    { volumes: [{ sourcePath: '/a' }] },
    'entry 1 of volumes must be an object with `sourcePath` and `targetPath`',
  ),
  job({ ports: 80 }, 'ports must be a list, got a number'),
  job({ ports: [0] }, 'entry 1 of ports must be a whole number from 1 to 65535, got 0'),
  job({ ports: ['80:'] }, 'entry 1 of ports must be a port such as…"80:"'),
  job({ ports: [{ external: 80 }] }, 'entry 1 of ports must be an object with `container`'),
  job({ ports: [{ container: 80.5 }] }, 'container in entry 1 of ports must be a whole number'),
  job({ ports: [{ container: 80, external: 8080, autoGenerate: true }] }, 'entry 1 of ports…got both'),
  job({ serviceType: 'nodeport' }, 'serviceType needs ports, got "nodeport" without'),
  job({ serviceType: 'cluster', ports: [80] }, 'serviceType must be one of…got "cluster"'),
  job({ backoffLimit: -1 }, 'backoffLimit must be a whole number'),
  job({ completions: 0 }, 'completions must be a whole number from 1'),
  job({ parallelism: 2 }, 'parallelism needs completions'),
  job({ parallelism: 2, completions: 4, interactive: true }, 'parallelism must be 1 where interactive'),
  job({ ttlAfterFinish: '5 minutes' }, 'ttlAfterFinish must be a duration…"5 minutes"'),
  job({ ttlAfterFinish: '-5s' }, 'ttlAfterFinish must be a duration'),
  job({ ttlAfterFinish: '40000d' }, 'ttlAfterFinish must be a duration'),
  job({ ttlAfterFinish: ['5s'] }, 'ttlAfterFinish must be a duration'),
  job({ runAsUid: 1000 }, 'runAsUid and runAsGid must be given together'),
  job({ runAsUid: 2 ** 31, runAsGid: 0 }, 'runAsUid must be a whole number'),
  job({ secret_refs: ['A@kv/data/x.a'] }, 'secret_refs needs wrap_secret_id'),
  job({ secret_refs: ['nothing'], wrap_secret_id: 's.w' }, '`secret_refs`…NAME@PATH.KEY'),
  job({ secret_file_type: 'toml' }, 'secret_file_type must be one of yaml, json, got "toml"'),
  job({ wrap_secret_id: 'canary canary' }, 'wrap_secret_id must be a token'),
  job({ wrap_secret_id: ['canary'] }, 'wrap_secret_id must be a text, got a list'),
];

/** What clients may send and stint cannot do: refused by name, and never left out. */
export const refusedFields: readonly BadInput[] = [
  job({ gpu: '0.5' }, 'gpu is not supported…no engine gives a part of a GPU'),
  job({ gpuMemory: '1G' }, 'gpuMemory is not supported…no engine gives a part of a GPU'),
  job({ elastic: true, gpu: 2 }, 'elastic is not supported…how many GPUs are free'),
  job({ pvc: [{ size: '3GB', path: '/scratch' }] }, 'pvc is not supported…`NAME:/path`'),
  job({ pvc: [{ storageClass: 'fast', path: '/scratch' }] }, 'pvc is not supported'),
  job({ pvc: [{ name: 'data', size: '3GB', path: '/scratch' }] }, 'pvc is not supported'),
  job({ pvc: [':3GB:/scratch:ro'] }, 'pvc is not supported'),
  job({ pvc: ['data:/a', 'fast:3GB:/scratch'] }, 'pvc is not supported'),
  job({ nodeType: 'dgx' }, 'nodeType is not supported…nodes have no types'),
  job({ gitSync: { sync: 'x' } }, 'gitSync is not supported'),
  job({ mpi: true }, 'mpi is not supported'),
  job({ processes: 2 }, 'processes is not supported'),
  job({ jupyter: true }, 'jupyter is not supported'),
  job({ jupyterPassword: 'canary' }, 'jupyterPassword is not supported'),
  job({ runAsUser: true }, 'runAsUser is not supported'),
  job({ type: 'Train' }, 'type is not supported'),
  raw('template', '{"template":"t","job":{"project":"v","image":"a"}}', 'template is not supported'),
  job(
    { volumes: [{ sourcePath: '/a', targetPath: '/b', nfsHost: 'h' }] },
    'nfsHost in entry 1 of volumes is not supported',
  ),
];

/** Well formed, and more than an operator allows who has set nothing. */
export const forbiddenFields: readonly BadInput[] = [
  job({ hostIpc: true }, 'hostIpc is not allowed', 403),
  job({ hostNetwork: true }, '`hostNetwork`…host…STINT_ALLOW_NETWORKS', 403),
  job({ hostNetwork: true, ports: [80] }, '`hostNetwork`…host…STINT_ALLOW_NETWORKS', 403),
  job({ volume: { '/srv/a': '/a' } }, '`volume`…"/srv/a" read-write…STINT_ALLOW_MOUNTS', 403),
  job({ volumes: [{ sourcePath: '/srv/a', targetPath: '/a', readOnly: true }] }, '`volume`…"/srv/a"', 403),
  job({ ports: [80], serviceType: 'nodeport' }, '`ports`…STINT_ALLOW_PORTS', 403),
  job({ ports: ['8080:80'] }, '`ports`…port 8080…STINT_ALLOW_PORTS', 403),
  job({ runAsUid: 0, runAsGid: 0 }, '`runAsUid`…user 0:0…STINT_ALLOW_USERS', 403),
  job({ gpu: 1 }, '`gpu`…1, and at most 0…STINT_JOB_GPUS_MAX', 403),
  job({ pvc: ['data:/data:ro'] }, '`pvc`…the volume "data" (STINT_ALLOW_VOLUMES)', 403),
  job({ pvc: [{ name: 'data', path: '/data' }] }, '`pvc`…"data" read-write…STINT_ALLOW_VOLUMES', 403),
  job({ cpu: 64 }, '`cpu`…64, and a job without `cpuLimit`…STINT_JOB_CPUS', 403),
  job({ memory: '1Ti' }, '`memory`…1099511627776, and a job without `memoryLimit`…STINT_JOB_MEMORY', 403),
  job({ cpuLimit: 64 }, '`cpuLimit`…64…STINT_JOB_CPUS_MAX', 403),
  job({ memoryLimit: '1Ti' }, '`memoryLimit`…STINT_JOB_MEMORY_MAX', 403),
];
