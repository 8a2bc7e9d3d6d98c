// Checks amounts that a job asks of its container: what each must be at least, and what reservations are to limits.

import type { Named } from './option-names.js';
import type { Limits, Reservations } from './options.js';

/** The least that Docker Engine accepts. */
const leastCpus = 0.01;
const leastMemoryBytes = 6 * 1024 * 1024;

interface Amount {
  readonly least: number;
  readonly whole: boolean;
  readonly unit: string;
}

const cpus: Amount = { least: leastCpus, whole: false, unit: 'CPUs' };
const memoryBytes: Amount = { least: leastMemoryBytes, whole: true, unit: 'bytes' };
const milliseconds: Amount = { least: 1_000, whole: false, unit: 'ms' };

const amounts: Readonly<Record<keyof Limits, Amount>> = {
  cpus,
  memoryBytes,
  pids: { least: 1, whole: true, unit: 'processes' },
  sharedMemoryBytes: { least: 1, whole: true, unit: 'bytes' },
  cpuTimeMs: milliseconds,
  runTimeMs: milliseconds,
};

export function checkLimits(limits: Limits, named: Named): string[] {
  return (Object.entries(limits) as [keyof Limits, number][]).flatMap(([field, value]) =>
    checkAmount(value, amounts[field], named(field)),
  );
}

function checkAmount(value: number, { least, whole, unit }: Amount, name: string): string[] {
  const isFit = value >= least && (whole ? Number.isSafeInteger(value) : value <= Number.MAX_SAFE_INTEGER);
  return isFit ? [] : [`Expected ${name} to be at least ${least} ${unit}, got ${value}.`];
}

/** The field of each reservation, for its name. */
export const reservedFields = { cpus: 'reservedCpus', memoryBytes: 'reservedMemoryBytes' } as const;

/** The engine refuses to reserve more than a job may have. */
export function checkReservations(reserved: Reservations, limits: Limits, named: Named): string[] {
  return (Object.entries(reserved) as [keyof Reservations, number][]).flatMap(([field, value]) => {
    const name = named(reservedFields[field]);
    const most = limits[field] ?? Infinity;
    if (value <= most) return checkAmount(value, amounts[field], name);
    return [`Expected ${name} to be at most ${named(field)}, which is ${most}, got ${value}.`];
  });
}
