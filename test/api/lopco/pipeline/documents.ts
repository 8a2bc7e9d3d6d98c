/** A stage as the seed era writes it. */
export function stageOf(
  id: string,
  inputMap: Readonly<Record<string, string>>,
  { type = 'single', worker = {} }: { type?: string; worker?: object } = {},
) {
  const input = { type, fields: Object.keys(inputMap).map((name) => ({ name, is_file: true })) };
  return {
    id,
    worker: { id: `w-${id}`, name: id, image: `registry.example.org/lopco/${id}:1`, input, ...worker },
    input_map: inputMap,
  };
}

/** Splits, works on each part, merges all. */
export const splitAndMerge = {
  name: 'count',
  stages: [
    stageOf(
      'split',
      { source_table: 'init_source' },
      { worker: { configs: { delimiter: ';', unused: null } } },
    ),
    stageOf('work', { table: 'result_table' }),
    stageOf('merge', { source_file: '2:csv', origin: '0:init_source' }, { type: 'multiple' }),
  ],
};
