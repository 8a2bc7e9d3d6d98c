// Reads typed fields out of Vault's replies and says which one is wrong.

/** A reply that differs from what Vault's API promises. It names the field, never its value. */
export class ShapeError extends Error {
  override readonly name = 'ShapeError';
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object under `name`; throws `ShapeError`. */
export function fieldsAt(value: unknown, name: string): Fields {
  const found = isFields(value) ? value[name] : undefined;
  return isFields(found) ? found : wrong(name, 'an object');
}

/** The text under `name`; throws `ShapeError`. */
export function textAt(fields: Fields, name: string): string {
  const found = fields[name];
  return typeof found === 'string' ? found : wrong(name, 'a text');
}

/** The text under `name`, or an empty one if it is missing. */
export function optionalTextAt(fields: Fields, name: string): string {
  return fields[name] === undefined || fields[name] === null ? '' : textAt(fields, name);
}

/** A whole number of seconds or uses, 0 or more; throws `ShapeError`. */
export function countAt(fields: Fields, name: string): number {
  const found = fields[name];
  const isCount = typeof found === 'number' && Number.isSafeInteger(found) && found >= 0;
  return isCount ? found : wrong(name, 'a whole number');
}

/** The texts in the list under `name`; an empty list if it is missing. */
export function textsAt(fields: Fields, name: string): string[] {
  const found = fields[name];
  return Array.isArray(found) ? found.filter((each): each is string => typeof each === 'string') : [];
}

function wrong(name: string, wanted: string): never {
  throw new ShapeError(`Expected \`${name}\` in Vault's answer to be ${wanted}.`);
}
