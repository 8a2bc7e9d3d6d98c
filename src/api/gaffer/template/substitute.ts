// Puts the values of variables into the words of a command.

/** As Python's templates have it: `$NAME`, `${NAME}`, and `$$` for a dollar. */
const reference = /\$(?:\$|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/g;

/**
 * The words with the variables' values in place of their names; what no variable is called stays as it is written. A value is
 * never split. Undefined where the values together have more than `most` characters: a short text may name a long value often.
 */
export function substituteAll(
  words: readonly string[],
  values: ReadonlyMap<string, string>,
  most: number,
): string[] | undefined {
  let size = 0;
  const valueFor = (written: string, plain?: string, braced?: string): string => {
    if (written === '$$') return '$';
    const value = values.get(plain ?? braced ?? '') ?? written;
    size += value.length;
    return size > most ? '' : value;
  };
  const substituted = words.map((word) => word.replaceAll(reference, valueFor));
  return size > most ? undefined : substituted;
}
