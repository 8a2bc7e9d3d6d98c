// The streams of a process beside its usual ones: pairs of named pipes.

import type { ContainerOptions } from '../../../job/options/options.js';
import { pipesDirectory } from '../../../job/options/pipes.js';
import type { WireJob } from './wire.js';

/** Tells a program where its pipes are: `.in` and `.out` are added to the path. */
export function streamVariables({ pipes = [] }: ContainerOptions): [name: string, path: string][] {
  return pipes.map((pipe) => [variableOf(pipe), `${pipesDirectory}/${pipe}`]);
}

function variableOf(label: string): string {
  return `GAFFER_STREAM_${label.toUpperCase().replaceAll('-', '_')}`;
}

/** What would make two streams one, a sentence each. Their form is that of the model's pipes. */
export function findStreamProblems({ custom_streams: custom = [], redirect_output = [] }: WireJob): string[] {
  const usual = new Set(['stdin', ...redirect_output]);
  const variables = custom.map(variableOf);
  return custom.flatMap((label, index) => {
    const place = `entry ${index + 1} of custom_streams`;
    if (usual.has(label)) return [`${place} must not be "stdin" or in redirect_output, got such a label.`];
    const isTaken = variables.indexOf(variableOf(label)) < index && !custom.slice(0, index).includes(label);
    return isTaken
      ? [`${place} must give a variable of its own, got the one of another: ${variableOf(label)}.`]
      : [];
  });
}
