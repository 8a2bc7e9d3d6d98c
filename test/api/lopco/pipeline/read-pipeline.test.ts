import { expect, test } from 'vitest';
import { readMachine, readPipeline } from '../../../../src/api/lopco/pipeline/read-pipeline.js';
import { splitAndMerge, stageOf } from './documents.js';

const first = stageOf('01', { file: 'init_source' });
const second = stageOf('02', { file: '1:out' });

function idsOf(document: object): readonly string[] {
  const read = readPipeline({ ...document });
  return 'problems' in read ? read.problems : read.stages.map(({ id }) => id);
}

test('the stages of a list run in its order', () => {
  expect(idsOf(splitAndMerge)).toEqual(['split', 'work', 'merge']);
});

test.each([
  ['1', '2', '10'],
  ['0', '2', '10'],
])('the stages of an object run in the order of their numbers: %s', (...keys) => {
  const [a, b, c] = keys;
  const { id: _, ...nameless } = first;
  const { id: __, ...later } = second;

  expect(idsOf({ stages: { [c]: later, [b]: later, [a]: nameless } })).toEqual(keys);
});

test('a stage is read with what its worker declares', () => {
  const worker = {
    data_cache_path: '/cache',
    configs: { a: 'x', b: 1, c: true, d: null, e: '' },
    output: {
      type: 'single',
      fields: [
        { name: 'f', is_file: true },
        { name: 'g', is_file: false },
      ],
    },
  };

  expect(readPipeline({ stages: [stageOf('01', { file: 'init_source' }, { worker })] })).toEqual({
    stages: [
      {
        id: '01',
        workerId: 'w-01',
        image: 'registry.example.org/lopco/01:1',
        cachePath: '/cache',
        configs: { a: 'x', b: 1, c: true, e: '' },
        inputType: 'single',
        fileFields: ['f'],
        inputMap: { file: 'init_source' },
      },
    ],
  });
});

test('without a path the data cache is where the published workers look for it', () => {
  expect(readPipeline({ stages: [first] })).toMatchObject({
    stages: [{ cachePath: '/data_cache', fileFields: undefined }],
  });
});

const worker = (changes: object) => ({ stages: [{ ...first, worker: { ...first.worker, ...changes } }] });
const map = (inputMap: unknown) => ({ stages: [{ ...first, input_map: inputMap }] });

const refused: readonly (readonly [title: string, document: object, problem: string])[] = [
  ['no stages', {}, 'stages must be a list, got nothing.'],
  ['an empty list', { stages: [] }, 'stages must be 1 to 100 stages, got 0.'],
  ['too many', { stages: Array(101).fill(first) }, 'got 101'],
  ['stages with words for keys', { stages: { one: first } }, 'stages must be a list, got an object.'],
  ['a stage that is a text', { stages: ['x'] }, 'stage "1" must be an object, got a text.'],
  ['no worker', { stages: [{ id: '01' }] }, 'worker.image of stage "1" must be an image, got nothing.'],
  ['a worker that is a list', { stages: [{ worker: [] }] }, 'worker of stage "1" must be an object'],
  ['no image', worker({ image: null }), 'worker.image of stage "1"'],
  ['a broken image', worker({ image: 'Not An Image' }), 'worker.image of stage "1"'],
  [
    'an image that is a number',
    worker({ image: 7 }),
    'image of worker of stage "1" must be a text, got a number.',
  ],
  [
    'no type of input',
    worker({ input: null }),
    'worker.input.type of stage "1" must be one of single, multiple',
  ],
  [
    'an unknown type of input',
    worker({ input: { type: 'both' } }),
    'must be one of single, multiple, got "both"',
  ],
  ['a path that is relative', worker({ data_cache_path: 'cache' }), 'worker.data_cache_path of stage "1"'],
  ['a path over the root', worker({ data_cache_path: '/' }), 'worker.data_cache_path of stage "1"'],
  ['configs in a list', worker({ configs: ['a=b'] }), 'configs of worker of stage "1" must be a map'],
  [
    'a config that is a list',
    worker({ configs: { a: ['canary'] } }),
    '"a" of configs of worker of stage "1" must be a text',
  ],
  ['a config with NUL', worker({ configs: { a: 'x\0y' } }), 'must be free of NUL characters'],
  ['a config whose name has `=`', worker({ configs: { 'a=b': 'x' } }), 'must be the name of a variable'],
  ['a source that is a number', map({ a: 1 }), '"a" of input_map of stage "1" must be a text'],
  [
    'a source of a later stage',
    map({ a: '1:b' }),
    'The source "1:b" of "a" of stage "1" names no earlier stage',
  ],
  ['a source of no stage', map({ a: 'x:b' }), 'names no earlier stage'],
];

test.each(refused)('a pipeline is refused with %s', (_, document, problem) => {
  const read = readPipeline({ ...document });

  expect(read).toEqual({ problems: expect.arrayContaining([expect.stringContaining(problem)]) });
  expect(JSON.stringify(read)).not.toContain('canary');
});

test('a source with two colons is not refused before its stage begins', () => {
  expect(readPipeline(map({ a: '0:b:c' }))).toHaveProperty('stages');
});

test('of a machine only the pipeline is needed', () => {
  expect(readMachine({ name: 'Press 7', pipeline_id: 'p1', type_id: null })).toEqual({ pipelineId: 'p1' });
  expect(readMachine({ pipeline_id: 'p1', platform_id: 'a', platform_type_id: 'b' })).toEqual({
    pipelineId: 'p1',
    platformId: 'a',
    platformTypeId: 'b',
  });
});

test.each([
  [{}, 'pipeline_id must be the id of a pipeline, got nothing.'],
  [{ pipeline_id: null }, 'pipeline_id must be the id of a pipeline, got nothing.'],
  [{ pipeline_id: 7 }, 'pipeline_id must be a text, got a number.'],
  [{ pipeline_id: 'p', platform_id: [] }, 'platform_id must be a text, got a list.'],
])('a machine is refused: %j', (document, problem) => {
  expect(readMachine(document)).toEqual({ problems: [problem] });
});
