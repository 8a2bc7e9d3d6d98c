// The settings of what is kept: jobs that wait and jobs that have ended, with defaults and meanings.

export const waitingSettings = [
  {
    name: 'STINT_OWNER_SLOTS',
    default: '0',
    meaning:
      'Jobs of one owner that may run at once on this node, below `STINT_SLOTS` where owners are strangers to each other: otherwise one of them can have all slots. 0 is any number.',
  },
  {
    name: 'STINT_OWNER_WAITING',
    default: '1000',
    meaning: 'Jobs of one owner that may wait; a submit beyond is answered with 429. 0 is any number.',
  },
  {
    name: 'STINT_OWNER_WAITING_BYTES',
    default: '256MiB',
    meaning: 'The same for the bytes of their requests, as they are stored.',
  },
  {
    name: 'STINT_WAITING',
    default: '20000',
    meaning: 'Jobs of all owners that may wait; a submit beyond is answered with 503. 0 is any number.',
  },
  {
    name: 'STINT_WAITING_BYTES',
    default: '4GiB',
    meaning: 'The same for the bytes of their requests, as they are stored.',
  },
] as const;

export const retentionSettings = [
  {
    name: 'STINT_RETENTION',
    default: '90d',
    meaning:
      'How long after its end a job is kept with its output, by door or queue if need be: `90d,runai=7d,queue:nightly=0`. 0 is for ever. Its events stay.',
  },
  {
    name: 'STINT_RETENTION_JOBS',
    derived: 'any number',
    meaning:
      'How many ended jobs of each door are kept at most, written likewise: `100000,gaffer=5000,queue:nightly=100`. 0 is any number.',
  },
] as const;
