import { describe, expect, test } from 'vitest';
import { type Config, ConfigError, type Machine, readConfig } from '../../src/config/config.js';
import { type Setting, type SettingName, settings } from '../../src/config/settings.js';
import { doors } from '../../src/job/job.js';

const needed = {
  STINT_DATABASE_URL: 'postgres://stint:pg-hunter2@db/stint',
  VAULT_ADDR: 'https://vault.example:8200/',
  STINT_APPROLE_ID: 'role-hunter2',
  STINT_APPROLE_NAME: 'stint-role',
};

const defaultJob = {
  memoryBytes: 1024 ** 3,
  cpus: 4,
  pids: 512,
  sharedMemoryBytes: 64 * 1024 ** 2,
  network: 'isolated',
  policy: {
    users: [],
    networks: ['isolated', 'none'],
    ports: [],
    mounts: [],
    capabilities: [],
    most: { cpus: 4, memoryBytes: 1024 ** 3, pids: 512, sharedMemoryBytes: 64 * 1024 ** 2 },
  },
  rules: [],
  readOnly: false,
  init: 'auto',
  tokenInEnv: false,
};

function secretIdOf({ vault: { serverLogin: login } }: Config): string | undefined {
  return login?.method === 'approle' ? login.secretId.reveal() : undefined;
}

const allowances: [Record<string, string>, object][] = [
  [
    { STINT_ALLOW_USERS: '0:0, 1000:100, image' },
    allowing({
      users: [{ uid: 0, gid: 0 }, { uid: 1000, gid: 100 }, 'image'],
    }),
  ],
  [{ STINT_ALLOW_NETWORKS: 'batch,host' }, allowing({ networks: ['batch', 'host', 'isolated', 'none'] })],
  [
    { STINT_ALLOW_PORTS: '80,1000-1010' },
    allowing({
      ports: [
        { from: 80, to: 80 },
        { from: 1000, to: 1010 },
      ],
    }),
  ],
  [
    { STINT_ALLOW_MOUNTS: '/srv/ref, /srv/..data:rw,/', STINT_ALLOW_VOLUMES: 'cache:rw' },
    allowing({
      mounts: [
        { kind: 'bind', source: '/srv/ref', readOnly: true },
        { kind: 'bind', source: '/srv/..data', readOnly: false },
        { kind: 'bind', source: '/', readOnly: true },
        { kind: 'volume', source: 'cache', readOnly: false },
      ],
    }),
  ],
  [{ STINT_JOB_GPUS_MAX: '4' }, allowing({ mostGpus: 4 })],
  [
    { STINT_JOB_MEMORY: '2GiB', STINT_JOB_CPUS: '0.5' },
    allowing({ mostGpus: 0, usual: { memoryBytes: 2 * 1024 ** 3, cpus: 0.5 } }),
  ],
  [
    { STINT_JOB_MEMORY_MAX: '8GiB', STINT_JOB_CPUS_MAX: '16', STINT_JOB_SHM_MAX: '1GiB' },
    allowing({ most: { memoryBytes: 8 * 1024 ** 3, cpus: 16, sharedMemoryBytes: 1024 ** 3 } }),
  ],
];

const wrongAllowances: [SettingName, string][] = [
  ['STINT_ALLOW_USERS', 'root'],
  ['STINT_ALLOW_NETWORKS', 'container:x'],
  ['STINT_ALLOW_PORTS', '0'],
  ['STINT_ALLOW_PORTS', '20-10'],
  ['STINT_ALLOW_MOUNTS', 'srv'],
  ['STINT_ALLOW_MOUNTS', '/srv/'],
  ['STINT_ALLOW_MOUNTS', '/srv/../etc'],
  ['STINT_ALLOW_MOUNTS', '/srv,'],
  ['STINT_ALLOW_VOLUMES', '/srv'],
  ['STINT_JOB_GPUS_MAX', '0.5'],
  ['STINT_JOB_GPUS_MAX', '1025'],
];

function allowing(policy: object): object {
  return { job: { policy } };
}

function machineWith(files: Readonly<Record<string, string>> = {}): Machine {
  return {
    cores: 4,
    isRoot: false,
    home: '/home/ada',
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
      return text;
    },
  };
}

const read = (env: Readonly<Record<string, string>>, machine = machineWith()) =>
  readConfig({ ...needed, ...env }, machine);

function problemsOf(
  env: Readonly<Record<string, string | undefined>>,
  machine = machineWith(),
): readonly string[] {
  try {
    readConfig({ ...needed, ...env }, machine);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const defaultJobproxy = {
  image: undefined,
  pullPolicy: 'Always',
  memoryUnitBytes: 1024 ** 2,
  queue: null,
  outputRoot: undefined,
};

describe('with the required settings only', () => {
  test('everything else has a default', () => {
    expect(read({})).toMatchObject({
      host: '127.0.0.1',
      port: 3232,
      tls: undefined,
      vault: {
        address: 'https://vault.example:8200',
        externalAddress: 'https://vault.example:8200',
        caCertPath: undefined,
        skipVerify: false,
        timeoutMs: 10_000,
        appRole: { name: 'stint-role', mount: 'approle' },
        transit: { mount: 'transit', key: 'stint-role' },
        acceptRewrapped: false,
        serverLogin: undefined,
        databaseCredentials: undefined,
      },
      docker: { host: 'unix:///var/run/docker.sock', pullTimeoutMs: 600_000, containerdRoot: undefined },
      job: defaultJob,
      access: 'owner',
      doors: [...doors],
      jobproxy: defaultJobproxy,
      slots: 8,
      starts: 4,
      stopGraceMs: 15_000,
      maxRunTimeMs: 86_400_000,
      outputLimitBytes: 16 * 1024 ** 2,
      maskOutput: true,
      bodyLimitBytes: 32 * 1024 ** 2,
      contentLimitBytes: 256 * 1024 ** 2,
      secretsDirectory: '/dev/shm/stint',
      stateDirectory: '/home/ada/.local/state/stint',
      sealKey: undefined,
      nodeId: undefined,
      leaseMs: 30_000,
      drainTimeoutMs: 600_000,
      logLevel: 'info',
    });
  });

  test('root keeps its state in /var/lib', () => {
    expect(read({}, { ...machineWith(), isRoot: true }).stateDirectory).toBe('/var/lib/stint');
  });

  test('an empty variable counts as not set', () => {
    expect(read({ STINT_PORT: '', STINT_TLS_CERT: '' }).port).toBe(3232);
    expect(problemsOf({ VAULT_ADDR: '' })).toHaveLength(1);
  });

  test('the configuration is frozen', () => {
    const config = read({});

    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.vault.appRole)).toBe(true);
  });

  test('secrets are masked when printed', () => {
    const config = read({ STINT_SERVER_ROLE_ID: 'r-hunter2', STINT_SERVER_SECRET_ID: 's-hunter2' });

    expect(JSON.stringify(config)).not.toContain('hunter2');
    expect(config.databaseUrl.reveal()).toBe(needed.STINT_DATABASE_URL);
    expect(secretIdOf(config)).toBe('s-hunter2');
  });
});

describe('what can be set', () => {
  const key = `${'A'.repeat(43)}=`;
  const id = '01234567-89AB-cdef-0123-456789abcdef';

  test.each<[Readonly<Record<string, string>>, object]>([
    [{ STINT_PORT: '8443' }, { port: 8443 }],
    [
      { STINT_TLS_CERT: '/c', STINT_TLS_KEY: '/k' },
      { host: '0.0.0.0', tls: { certPath: '/c', keyPath: '/k' } },
    ],
    [{ STINT_HOST: '::1' }, { host: '::1' }],
    [{ STINT_HOST: '0.0.0.0', STINT_INSECURE_HTTP: '1' }, { host: '0.0.0.0' }],
    [{ VAULT_EXTERNAL_ADDR: 'https://v.example/x//' }, { vault: { externalAddress: 'https://v.example/x' } }],
    [{ VAULT_NAMESPACE: 'team/app' }, { vault: { namespace: 'team/app' } }],
    [{ STINT_TRANSIT_KEY: 'k1' }, { vault: { transit: { key: 'k1' } } }],
    [{ STINT_ACCESS: 'shared' }, { access: 'shared' }],
    [{ STINT_DOORS: ' gostint' }, { doors: ['gostint'] }],
    [
      { STINT_SLOTS: '3', STINT_STARTS: '1' },
      { slots: 3, starts: 1 },
    ],
    [{ STINT_STOP_GRACE: '0' }, { stopGraceMs: 0 }],
    [{ STINT_MAX_RUN_TIME: '1h30m' }, { maxRunTimeMs: 5_400_000 }],
    [{ STINT_OUTPUT_LIMIT: '512Ki' }, { outputLimitBytes: 524_288 }],
    [{ STINT_JOB_CPUS: '0.5' }, { job: { cpus: 0.5 } }],
    [{ STINT_JOB_NETWORK: 'none' }, { job: { network: 'none' } }],
    ...allowances,
    [{ STINT_JOB_INIT: 'never' }, { job: { init: 'never' } }],
    [{ STINT_NODE_ID: id }, { nodeId: id.toLowerCase() }],
    [{ STINT_LOG_LEVEL: 'warn' }, { logLevel: 'warn' }],
    [{ STINT_DEBUG: 'true', STINT_LOG_LEVEL: 'warn' }, { logLevel: 'debug' }],
    [{ DOCKER_HOST: 'tcp://127.0.0.1:2375' }, { docker: { host: 'tcp://127.0.0.1:2375' } }],
    [
      { DOCKER_HOST: 'tcp://docker:2375', STINT_INSECURE_DOCKER: 'true' },
      { docker: { host: 'tcp://docker:2375' } },
    ],
    [{ STINT_TEST_ANYTHING: 'x' }, {}],
  ])('%j', (env, expected) => {
    expect(read(env)).toMatchObject(expected);
  });

  test('a seal key is a secret', () => {
    expect(read({ STINT_SEAL_KEY: key }).sealKey?.reveal()).toBe(key);
  });
});

describe('the names of GoStint', () => {
  test.each([
    ['GOSTINT_PORT', '8080', { port: 8080 }],
    ['GOSTINT_DEBUG', 'please', { logLevel: 'debug' }],
    ['GOSTINT_DEBUG', 'false', { logLevel: 'info' }],
  ])('%s=%s is still understood', (name, value, expected) => {
    expect(read({ [name]: value })).toMatchObject(expected);
  });

  test('stand for required settings too, and read from files', () => {
    const config = readConfig(
      {
        STINT_DATABASE_URL: needed.STINT_DATABASE_URL,
        VAULT_ADDR: needed.VAULT_ADDR,
        GOSTINT_ROLEID_FILE: '/run/role',
        GOSTINT_ROLENAME: 'old',
        GOSTINT_SSL_CERT: '/c',
        GOSTINT_SSL_KEY: '/k',
      },
      machineWith({ '/run/role': 'from-file\n' }),
    );

    expect(config.vault.appRole).toMatchObject({ name: 'old' });
    expect(config.vault.appRole.id.reveal()).toBe('from-file');
    expect(config.tls).toEqual({ certPath: '/c', keyPath: '/k' });
  });

  test('may say the same as the new ones, but nothing else', () => {
    expect(read({ STINT_PORT: '80', GOSTINT_PORT: '80' }).port).toBe(80);
    expect(problemsOf({ STINT_PORT: '80', GOSTINT_PORT: '81' })).toEqual([
      'Expected STINT_PORT and GOSTINT_PORT to say the same, got two different values.',
    ]);
  });
});

describe('secrets in files', () => {
  test('every secret setting can be in one, and no other', () => {
    const texts: Readonly<Record<string, string>> = {
      STINT_DATABASE_URL: 'postgres://file/db',
      STINT_SEAL_KEY: `${'B'.repeat(43)}=`,
    };
    const service = { STINT_SERVICE_DOORS: 'runai', STINT_SERVICE_NETWORKS: '10.0.0.0/8' };
    const secret = (settings as readonly Setting[]).filter((setting) => setting.secret === true);
    const names = secret.map(({ name }) => name);
    const files = Object.fromEntries(
      names.map((name) => [`/run/${name}`, `${texts[name] ?? 'from-file'}\r\n`]),
    );
    const env = Object.fromEntries(names.map((name) => [`${name}_FILE`, `/run/${name}`]));

    const config = readConfig(
      { VAULT_ADDR: 'http://v', STINT_APPROLE_NAME: 'r', ...service, ...env },
      machineWith(files),
    );

    expect(names).toHaveLength(6);
    expect(config.serviceToken?.token.reveal()).toBe('from-file');
    expect(config.databaseUrl.reveal()).toBe('postgres://file/db');
    expect(config.sealKey?.reveal()).toBe(texts.STINT_SEAL_KEY);
    expect(secretIdOf(config)).toBe('from-file');
    expect(problemsOf({ STINT_PORT_FILE: '/run/port' })[0]).toContain('got STINT_PORT_FILE');
  });

  test('a file that is not there or empty is one problem, not two', () => {
    expect(problemsOf({ STINT_SEAL_KEY_FILE: '/run/none' })).toEqual([
      'Expected STINT_SEAL_KEY_FILE to name a readable file, got "/run/none" (ENOENT).',
    ]);
    expect(problemsOf({ STINT_SEAL_KEY_FILE: '/run/empty' }, machineWith({ '/run/empty': '\n' }))).toEqual([
      'Expected STINT_SEAL_KEY_FILE to name a file with a value, got an empty file.',
    ]);
  });

  test('a file and a variable must not differ', () => {
    const machine = machineWith({ '/run/id': 'other-hunter2' });

    expect(problemsOf({ STINT_APPROLE_ID_FILE: '/run/id' }, machine)).toEqual([
      'Expected STINT_APPROLE_ID and STINT_APPROLE_ID_FILE to say the same, got two different values.',
    ]);
  });
});

describe('problems', () => {
  test('are reported all at once', () => {
    const problems = problemsOf({
      STINT_DATABASE_URL: undefined,
      VAULT_ADDR: 'vault',
      STINT_PORT: 'x',
      STINT_TLS_CERT: '/c',
      STINT_POTR: '1',
      STINT_LEASE: '5',
      STINT_SEAL_KEY_FILE: '/run/none',
    });

    expect(problems).toHaveLength(7);
    expect(new ConfigError(problems).message.split('\n')).toHaveLength(8);
    expect(problems.every((problem) => /^Expected .*[.?]$/.test(problem))).toBe(true);
  });

  test('a setting that is missing is explained', () => {
    expect(problemsOf({ VAULT_ADDR: undefined })).toEqual([
      'Expected VAULT_ADDR to be set, got nothing. Address of Vault or OpenBao.',
    ]);
  });

  test.each([
    ['STINT_PORT', '65536'],
    ['STINT_PORT', '0x50'],
    ['STINT_PORT', ' 80'],
    ['STINT_INSECURE_HTTP', 'yes'],
    ['STINT_DATABASE_URL', 'mysql://db'],
    ['VAULT_ADDR', 'vault.example'],
    ['VAULT_ADDR', 'ftp://vault.example'],
    ['VAULT_ADDR', 'http://v.example?x=1'],
    ['VAULT_NAMESPACE', '/x'],
    ['STINT_VAULT_TIMEOUT', '10'],
    ['STINT_VAULT_TIMEOUT', '99ms'],
    ['STINT_APPROLE_ID', 'a b'],
    ['STINT_APPROLE_NAME', 'a/b'],
    ['STINT_APPROLE_MOUNT', '/approle'],
    ['STINT_ACCESS', 'Owner'],
    ['STINT_DOORS', 'gostint,web'],
    ['STINT_DOORS', 'gostint,gostint,'],
    ['STINT_SLOTS', '0'],
    ['STINT_MAX_RUN_TIME', '25d'],
    ['STINT_OUTPUT_LIMIT', '512M'],
    ['STINT_OUTPUT_LIMIT', '1'],
    ['STINT_JOB_CPUS', '0'],
    ['STINT_JOB_NETWORK', 'host'],
    ...wrongAllowances,
    ['STINT_JOB_NETWORK', 'container:x'],
    ['STINT_SEAL_KEY', 'A'.repeat(44)],
    ['STINT_NODE_ID', 'node-1'],
    ['STINT_LOG_LEVEL', 'trace'],
    ['DOCKER_HOST', '/var/run/docker.sock'],
    ['DOCKER_HOST', 'tcp://127.0.0.1'],
    ['STINT_STATE_DIR', 'a\0b'],
  ])('%s=%j is refused', (name, value) => {
    const problems = problemsOf({ [name]: value });

    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(`Expected ${name} to be `);
  });
});

test.each([
  [{ STINT_IDEMPOTENCY_TTL: '1' }, 'or `2d`, from 1m to 24d, got "1".'],
  [{ STINT_JOB_MEMORY: '1' }, 'or `1GiB`, at least 6MiB, got "1".'],
])('%j is refused with its bounds in readable units', (env, expected) => {
  expect(problemsOf(env)).toEqual([expect.stringContaining(expected)]);
});

describe('settings that contradict each other, or that nobody knows', () => {
  test.each([
    [{ STINT_TLS_CERT: '/c' }, 'Expected STINT_TLS_KEY to be set together with STINT_TLS_CERT'],
    [{ STINT_TLS_KEY: '/k' }, 'Expected STINT_TLS_CERT to be set together with STINT_TLS_KEY'],
    [{ STINT_SERVER_ROLE_ID: 'r' }, 'Expected STINT_SERVER_SECRET_ID to be set'],
    [{ STINT_AUDIT_KEY: 'k' }, "Expected a login of the server's own"],
    [{ STINT_HOST: '0.0.0.0' }, 'to be a loopback address while there is no TLS'],
    [{ STINT_HOST: '127.0.0.1.example' }, 'to be a loopback address while there is no TLS'],
    [{ DOCKER_HOST: 'tcp://10.0.0.1:2375' }, 'plain TCP shows secrets'],
  ])('%j do not go together', (env, expected) => {
    const problems = problemsOf(env);

    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(expected);
  });

  test('a misspelled name does not silently fall back to the default', () => {
    expect(problemsOf({ STINT_SLOT: '1', STINT_APROLE_MOUNT: 'x' })).toEqual([
      'Expected only known STINT_ names, got STINT_APROLE_MOUNT: did you mean STINT_APPROLE_MOUNT?',
      'Expected only known STINT_ names, got STINT_SLOT: did you mean STINT_SLOTS?',
    ]);
  });

  test.each<Readonly<Record<string, string>>>([
    { STINT_DATABASE_URL: 'mysql://stint:hunter2@db' },
    { STINT_APPROLE_ID: 'hunter2 ' },
    { STINT_SEAL_KEY: 'hunter2' },
    { STINT_SEAL_KEY_FILE: 'hunter2/AAA=' },
    { STINT_SERVER_SECRET_ID: 'hunter2' },
    { VAULT_ADDR: 'https://ada:hunter2@vault.example' },
    { VAULT_ADDR: 'https://ada:p/hunter2@vault.example' },
    { VAULT_ADDR: 'ada:hunter2@vault.example' },
    { VAULT_ADDR: 'https://vault.example?token=hunter2' },
    { DOCKER_HOST: 'tcp://ada:hunter2@10.0.0.1:2375' },
    { STINT_APPROLE_ID_FILE: '/run/id' },
  ])('are reported without quoting secrets: %j', (env) => {
    const problems = problemsOf(env, machineWith({ '/run/id': 'hunter2' }));

    expect(problems).not.toEqual([]);
    expect(problems.join('\n')).not.toContain('hunter2');
  });
});
