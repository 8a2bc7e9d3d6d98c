// The fields of a stage and of a machine as the registries' clients write them, each with its reader.

import {
  type Fields as FieldsOf,
  flag,
  isObject,
  listOf,
  mapOf,
  note,
  parsed,
  type Read,
  readFields,
  type Shape,
  text,
} from '../../request/readers.js';
import { describe } from '../../request/sentence.js';
import type { Value } from './model.js';

/** Postgres takes no NUL in JSON. */
export const plain: Read<string> = (value, place, problems) => {
  const read = text(value, place, problems);
  return read?.includes('\0') === true ? note(problems, place, 'free of NUL characters', 'one') : read;
};

/** What becomes a variable of a worker: with a name that a variable can have. */
function variables<T>(read: Read<T>): Read<readonly (readonly [string, T])[]> {
  return mapOf<readonly [string, T]>((name) => (value, place, problems) => {
    if (!/^[^=\0]+$/.test(name) || !name.isWellFormed())
      return note(problems, `the name ${place}`, 'the name of a variable', 'something else');
    const meant = value === null ? undefined : read(value, place, problems);
    return meant === undefined ? undefined : [name, meant];
  });
}

/** Its value may be secret: it is not shown. */
const config: Read<Value> = (value, place, problems) => {
  if (value === '') return '';
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
  return plain(value, place, problems);
};

export const inputTypes = ['single', 'multiple'] as const;
const inputType = parsed(`one of ${inputTypes.join(', ')}`, (word) =>
  inputTypes.find((each) => each === word),
);

function shaped<S extends Shape>(shape: S): Read<FieldsOf<S>> {
  return (value, place, problems) => {
    if (!isObject(value)) return note(problems, place, 'an object', describe(value));
    return readFields(value, shape, { inside: ` of ${place}`, problems });
  };
}

const field = shaped({ name: plain, is_file: flag });
const worker = shaped({
  id: plain,
  image: plain,
  data_cache_path: plain,
  configs: variables(config),
  input: shaped({ type: inputType }),
  output: shaped({ fields: listOf(field) }),
});
const stageShape = { id: plain, worker, input_map: variables(plain) };

export type WireStage = FieldsOf<typeof stageShape>;

export const stage: Read<WireStage> = shaped(stageShape);

/** Only the pipeline is needed. */
export const machineShape = { pipeline_id: plain, platform_id: plain, platform_type_id: plain };
