// Finds the amounts that a job asks for beyond what the operator allows.

import { reservedFields } from './check-limits.js';
import { nameOf, type OptionField, type OptionNames } from './option-names.js';
import type { ContainerOptions, Limits, Reservations } from './options.js';

/** How much a job may ask for. */
export interface AmountsPolicy {
  /** 0: none. */
  readonly mostGpus: number;
  /** The limits of a job that asks for none. */
  readonly usual: Required<Pick<Limits, 'cpus' | 'memoryBytes'>>;
  readonly most: Required<Pick<Limits, 'cpus' | 'memoryBytes' | 'pids' | 'sharedMemoryBytes'>>;
}

/** Words a refusal. */
export type Forbid = (field: OptionField, what: string, setting: string) => string;

interface Wording {
  readonly forbid: Forbid;
  readonly names: OptionNames;
}

export function overLimits(
  { limits = {}, reserved = {}, gpus = 0 }: ContainerOptions,
  { most, mostGpus, usual }: AmountsPolicy,
  { forbid, names }: Wording,
): string[] {
  return [
    ...(Object.keys(settingOf) as (keyof typeof settingOf)[]).flatMap((field) => {
      const asked = limits[field] ?? 0;
      return asked <= most[field] ? [] : [forbid(field, over(asked, most[field]), settingOf[field])];
    }),
    ...(gpus <= mostGpus ? [] : [forbid('gpus', over(gpus, mostGpus), 'STINT_JOB_GPUS_MAX')]),
    ...(Object.keys(usualSettingOf) as (keyof Reservations)[]).flatMap((field) => {
      const asked = reserved[field] ?? 0;
      if (limits[field] !== undefined || asked <= usual[field]) return [];
      const what = `${asked}, and a job without \`${nameOf(field, names)}\` gets at most ${usual[field]}`;
      return [forbid(reservedFields[field], what, usualSettingOf[field])];
    }),
  ];
}

function over(asked: number, allowed: number): string {
  return `${asked}, and at most ${allowed} is allowed`;
}

const settingOf = {
  cpus: 'STINT_JOB_CPUS_MAX',
  memoryBytes: 'STINT_JOB_MEMORY_MAX',
  pids: 'STINT_JOB_PIDS',
  sharedMemoryBytes: 'STINT_JOB_SHM_MAX',
} as const satisfies Partial<Record<keyof Limits, string>>;

const usualSettingOf = {
  cpus: 'STINT_JOB_CPUS',
  memoryBytes: 'STINT_JOB_MEMORY',
} as const satisfies Record<keyof Reservations, string>;
