// The settings of LOPCO's door, with defaults and meanings.

export const lopcoSettings = [
  {
    name: 'STINT_LOPCO_RUNNING',
    default: '2',
    meaning: "How many of LOPCO's jobs run their pipeline at once; the others wait.",
  },
  {
    name: 'STINT_LOPCO_PARALLEL',
    default: '1',
    meaning:
      'How many workers of one stage of a LOPCO job run at once, where it has one for each input; `1`: one after another.',
  },
  {
    name: 'STINT_LOPCO_CALLBACK_URL',
    meaning:
      "Where LOPCO's workers reach this API to call back, such as `http://stint:3232`; without it their jobs are refused.",
  },
  {
    name: 'STINT_LOPCO_MACHINE_REGISTRY',
    meaning:
      "Where LOPCO's machine registry is, such as `http://machine-registry`, to which `/machines/` and an id are added; without it the registry is kept here.",
  },
  {
    name: 'STINT_LOPCO_PIPELINE_REGISTRY',
    meaning:
      "Where LOPCO's pipeline registry is, to which `/pipelines/` and an id are added; without it the registry is kept here.",
  },
  {
    name: 'STINT_LOPCO_NETWORK',
    derived: '`STINT_JOB_NETWORK`',
    meaning: "Network of LOPCO's workers; `STINT_ALLOW_NETWORKS` must name it too.",
  },
  {
    name: 'STINT_LOPCO_CACHE_VOLUME',
    default: 'lopco-data-cache',
    meaning:
      "Volume of LOPCO's data cache, which its workers mount; `STINT_ALLOW_VOLUMES` must name it with `:rw`.",
  },
  {
    name: 'STINT_LOPCO_CPUS',
    derived: '`STINT_JOB_CPUS`',
    meaning: "CPU limit of one of LOPCO's workers.",
  },
  {
    name: 'STINT_LOPCO_MEMORY',
    derived: '`STINT_JOB_MEMORY`',
    meaning: "Memory limit of one of LOPCO's workers.",
  },
  {
    name: 'STINT_LOPCO_RUN_TIME',
    derived: '`STINT_MAX_RUN_TIME`',
    meaning: "Longest run of one of LOPCO's workers.",
  },
  {
    name: 'STINT_LOPCO_CLEAN_UP_IMAGE',
    meaning:
      'Image with `rm` that removes the files of a LOPCO job from the data cache at its end, such as `busybox`; without it they stay.',
  },
] as const;
