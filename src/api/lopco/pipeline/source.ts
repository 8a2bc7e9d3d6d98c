// Reads the source of an input: a field of the stage before, or of a stage that is named by its number.

/** Where an input comes from. Stage 0 are the initial sources, the stages count from 1. */
export interface Source {
  readonly stage: number;
  readonly field: string;
}

/** `position`: the number of the stage that gets the input. */
export function parseSource(text: string, position: number): Source | { readonly problem: string } {
  const parts = text.split(':');
  if (parts.length > 2) return { problem: 'has more than one colon' };
  const [field = '', number] = parts.toReversed();
  if (number === undefined) return { stage: position - 1, field };
  const stage = /^\d{1,4}$/.test(number) ? Number(number) : undefined;
  if (stage !== undefined && stage < position) return { stage, field };
  return { problem: `names no earlier stage: expected a number from 0 to ${position - 1} before the colon` };
}
