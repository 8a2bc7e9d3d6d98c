// Maps GoStint's field names to those of the job model.

import type { FieldNames } from '../../job/check.js';
import type { SpecFields } from '../../job/job.js';
import type { WirePayload } from './wire.js';

/** GoStint's name for each field of the model. */
export const fieldNames = {
  queue: 'qname',
  image: 'container_image',
  pullPolicy: 'image_pull_policy',
  entrypoint: 'entrypoint',
  command: 'run',
  workingDirectory: 'working_directory',
  env: 'env_vars',
  tty: 'tty',
  init: 'init',
  content: 'content',
  secretRefs: 'secret_refs',
  secretFileType: 'secret_file_type',
  continueOnWarnings: 'cont_on_warnings',
  registryRef: 'registry_ref',
} as const satisfies Required<Omit<FieldNames, 'options' | 'optionNames'>>;

/** Renames the fields of a payload or a request. Fields that were not given are left out. */
export function toSpecFields(wire: WirePayload): SpecFields {
  return dropMissing({
    queue: wire.qname,
    image: wire.container_image,
    pullPolicy: wire.image_pull_policy || undefined,
    entrypoint: wire.entrypoint,
    command: wire.run,
    workingDirectory: wire.working_directory,
    env: wire.env_vars,
    tty: wire.tty,
    init: wire.init,
    content: wire.content,
    secretRefs: wire.secret_refs,
    secretFileType: wire.secret_file_type || undefined,
    continueOnWarnings: wire.cont_on_warnings,
    registryRef: wire.registry_ref || undefined,
  });
}

type Given<T> = { [Name in keyof T]?: NonNullable<T[Name]> };

function dropMissing<T extends object>(fields: T): Given<T> {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given) as Given<T>; // Only entries were removed.
}
