// Settings of how much of the server one caller, and all callers together, may take at once.

export const callerSettings = [
  {
    name: 'STINT_CALLER_REQUESTS',
    default: '8',
    meaning: 'Requests of one caller that are in work at once; further ones wait.',
  },
  {
    name: 'STINT_CALLER_WAITING',
    default: '200',
    meaning: 'Requests of one caller that wait for that; beyond them a request is answered with 429.',
  },
  {
    name: 'STINT_LONG_ANSWERS_PER_CALLER',
    default: '4',
    meaning:
      'Long outputs that one caller may take at once, each with about 1 MiB in memory; beyond them: 429.',
  },
  {
    name: 'STINT_LONG_ANSWERS',
    default: '32',
    meaning: 'The same for all callers together; beyond them: 503.',
  },
  {
    name: 'STINT_LEAST_READ',
    default: '64KiB',
    meaning:
      'What a client must take in 30 seconds of an answer that waits for it, or its connection is cut.',
  },
  {
    name: 'STINT_UNREAD_LIMIT',
    default: '64MiB',
    meaning:
      'What may wait on all connections together; beyond it those are cut on which the most waits and nothing is taken.',
  },
] as const;
