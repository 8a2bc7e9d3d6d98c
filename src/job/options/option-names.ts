// The parts of the options that a client may have its own names for.

import type { Limits } from './options.js';

export type OptionField =
  | 'user'
  | 'network'
  | 'ports'
  | 'mounts'
  /** Mounts of volumes; without a name of its own it has that of `mounts`. */
  | 'volumes'
  | 'stopGraceMs'
  | 'gpus'
  | 'home'
  | 'pipes'
  | 'reservedCpus'
  | 'reservedMemoryBytes'
  | keyof Limits;
export type OptionNames = Readonly<Partial<Record<OptionField, string>>>;

/** How the client calls a field, in quotes. */
export type Named = (field: OptionField) => string;

export function nameOf(field: OptionField, names: OptionNames): string {
  return names[field] ?? (field === 'volumes' ? (names.mounts ?? 'mounts') : field);
}
