// Settings of what a job gets and may ask of its container, for the list of all settings.

export const jobSettings = [
  {
    name: 'STINT_JOB_NETWORK',
    default: 'isolated',
    meaning:
      "Network of the jobs: `isolated`, a bridge of stint's own on which they do not reach each other (docs/engines.md), `bridge`, `none` or the name of one.",
  },
  {
    name: 'STINT_SANDBOXES',
    derived: '4, or the slots where these are fewer',
    meaning:
      'Networks that are made ahead for the next jobs where these run on `isolated`, each in a container that sleeps (docs/engines.md). 0: each job waits for its own.',
  },
  {
    name: 'STINT_IMAGE_SECRET_REFS',
    default: 'true',
    meaning:
      "Read the secrets that `/gostint_image.yml` of an image names as well: whoever makes the image then chooses which secrets of the job's owner it gets.",
  },
  {
    name: 'STINT_JOB_READ_ONLY',
    default: 'false',
    meaning:
      'Jobs cannot write their root file system: only `/tmp`, which is in memory then, and what is mounted. Content is refused, and the engine must be on this host.',
  },
  {
    name: 'STINT_JOB_SECCOMP',
    derived: 'the profile of the engine',
    meaning: 'Path of a seccomp profile (JSON) for jobs, read once at the start.',
  },
  {
    name: 'STINT_JOB_CAPABILITIES',
    meaning:
      'Capabilities that jobs get, separated by commas, such as `CHOWN,SETUID`: for jobs of users whom `STINT_ALLOW_USERS` lets be root.',
  },
  {
    name: 'STINT_JOB_SHM',
    default: '64MiB',
    meaning: 'Shared memory of a job.',
  },
  {
    name: 'STINT_JOB_MEMORY_MAX',
    derived: '`STINT_JOB_MEMORY`',
    meaning: 'The most memory that a job may ask for, where its door lets it ask.',
  },
  {
    name: 'STINT_JOB_CPUS_MAX',
    derived: '`STINT_JOB_CPUS`',
    meaning: 'The most CPUs that it may ask for.',
  },
  {
    name: 'STINT_JOB_SHM_MAX',
    derived: '`STINT_JOB_SHM`',
    meaning: 'The most shared memory that it may ask for.',
  },
  {
    name: 'STINT_JOB_GPUS_MAX',
    default: '0',
    meaning:
      'The most GPUs that it may ask for; 0: none. The engine of every node must then have them, and gives the same ones to several jobs.',
  },
  {
    name: 'STINT_ALLOW_IMAGES',
    default: 'public',
    meaning:
      'Images that a job may name, separated by commas: patterns of registry and repository as `docker.io/library/*` or `registry.example.org:5000/team/**` (`*` within one part, `**` for all that follows, alone for all names), `public` for every registry with a public name, `ids` for the ids of images that the engine has. Images that settings name are always allowed.',
  },
  {
    name: 'STINT_IMAGE_DIGESTS_ONLY',
    default: 'false',
    meaning:
      'A job must name its image with a digest (`name@sha256:…`), so that nobody can put another one in its place.',
  },
  {
    name: 'STINT_IMAGE_VERIFIER',
    meaning:
      'Path of a program that says which images may run, by their signatures for instance: it is started for each job with `name@digest` and with the name as the job wrote it, and its exit code 0 lets the job run (docs/images.md). Unset: all that are allowed.',
  },
  {
    name: 'STINT_IMAGE_VERIFIER_TIMEOUT',
    default: '30s',
    meaning: 'How long that program may take; then the job fails.',
  },
  {
    name: 'STINT_ALLOW_USERS',
    meaning:
      'Users that a job may ask to run as, as `uid:gid`, or `image` for the user of its image, separated by commas; all others run as 2001:2001.',
  },
  {
    name: 'STINT_ALLOW_NETWORKS',
    meaning:
      'Networks that a job may ask for, separated by commas, `isolated` too; `host` shares the network of the node.',
  },
  {
    name: 'STINT_ALLOW_PORTS',
    meaning:
      'Ports of the node that a job may publish, as `18000-18999,8080`; with any, also ports that the engine chooses.',
  },
  {
    name: 'STINT_ALLOW_MOUNTS',
    meaning:
      'Paths of the node that a job may mount with all below them, separated by commas; read-only, unless `:rw` follows.',
  },
  {
    name: 'STINT_ALLOW_VOLUMES',
    meaning:
      'Volumes of the engine that a job may mount, separated by commas; read-only, unless `:rw` follows.',
  },
  {
    name: 'STINT_ALLOW_RULES',
    meaning:
      'Path of a file (YAML), read once at the start, with what more the jobs of single queues and doors may ask for (docs/operators.md).',
  },
  {
    name: 'STINT_JOB_INIT',
    default: 'auto',
    meaning:
      "Whether an init process of stint's is process 1 of a job: `auto`, unless the image brings one; `always` or `never`, unless job or image say otherwise.",
  },
  {
    name: 'STINT_JOB_TOKEN_IN_ENV',
    default: 'false',
    meaning: 'Give jobs `VAULT_TOKEN` as a variable, where everyone who may inspect containers sees it.',
  },
] as const;
