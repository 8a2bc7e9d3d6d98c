// Combines the outputs of earlier stages into the inputs of a stage.

import { quote } from '../../request/sentence.js';
import type { Input, Output, Stage, Value } from './model.js';
import { parseSource, type Source } from './source.js';

export type Combined = { readonly inputs: readonly Input[] } | { readonly problem: string };

interface Wire extends Source {
  readonly name: string;
}

/**
 * The inputs of a stage. `outputs` are those of the initial sources and of every stage before it, in order. A stage with
 * several outputs is taken apart, one input for each; of two such stages nobody could say which output belongs to which.
 */
export function combineInputs(
  { inputMap, inputType }: Pick<Stage, 'inputMap' | 'inputType'>,
  outputs: readonly (readonly Output[])[],
): Combined {
  const wires = readWires(inputMap, outputs.length);
  if ('problem' in wires) return wires;
  const many = new Set(wires.map(({ stage }) => stage).filter((stage) => countOf(outputs, stage) > 1));
  if (many.size > 1) return { problem: 'There are too many outputs to combine: two stages have several.' };
  const [parted] = many;
  const count = parted === undefined ? 1 : countOf(outputs, parted);
  const prefixed = inputType === 'multiple';
  const inputs: Input[] = [];
  for (let index = 0; index < count; index++) {
    const input = readInput(wires, (stage) => outputs[stage]?.[stage === parted ? index : 0]);
    if ('problem' in input) return input;
    inputs.push(prefixed ? withPrefix(input.fields, index) : input.fields);
  }
  return { inputs };
}

function countOf(outputs: readonly (readonly Output[])[], stage: number): number {
  return outputs[stage]?.length ?? 0;
}

function readWires(inputMap: Stage['inputMap'], position: number): Wire[] | { readonly problem: string } {
  const wires: Wire[] = [];
  for (const [name, text] of Object.entries(inputMap)) {
    const source = parseSource(text, position);
    if ('problem' in source)
      return { problem: `The source ${quote(text)} of ${quote(name)} ${source.problem}.` };
    wires.push({ name, ...source });
  }
  return wires;
}

function readInput(
  wires: readonly Wire[],
  outputOf: (stage: number) => Output | undefined,
): { readonly fields: Input } | { readonly problem: string } {
  const found: [string, Value][] = [];
  for (const { name, stage, field } of wires) {
    const output = outputOf(stage) ?? {};
    const value = Object.hasOwn(output, field) ? output[field] : undefined;
    if (value === undefined || value === null)
      return { problem: `Stage ${stage} gave no ${quote(field)}, which ${quote(name)} is made of.` };
    found.push([name, value]);
  }
  return { fields: Object.fromEntries(found) };
}

/** All inputs go to one worker: each has names of its own. */
function withPrefix(input: Input, index: number): Input {
  return Object.fromEntries(Object.entries(input).map(([name, value]) => [`_${index}_${name}`, value]));
}
