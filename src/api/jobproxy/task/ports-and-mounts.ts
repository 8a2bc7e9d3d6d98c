// Reads published ports and mounts of a container, in all shapes in which clients send them.

import type { Mount, PortMapping } from '../../../job/options/options.js';
import { type Fields, isGiven, isObject, type Place, readNeededText, readText, readWhole } from './values.js';

export function readPorts(value: unknown, place: Place): readonly PortMapping[] {
  return itemsOf(value, 'port', place).flatMap((item) => readPort(item.fields, item));
}

export function readMounts(value: unknown, place: Place): readonly Mount[] {
  return itemsOf(value, 'mount', place).flatMap((item) => readMount(item.fields, item));
}

interface Item extends Place {
  readonly fields: Fields;
}

/** More than anybody needs; a body has room for a million. */
const mostItems = 1024;

/**
 * The seed's form is one object, `{"port": {…}}`; others send a list of such objects, `{"port": [ … ]}`, or leave the name
 * out. XML repeats the outer element, the inner one, or both. An empty object stands for none.
 */
function itemsOf(value: unknown, name: string, { field, problems }: Place): readonly Item[] {
  const items = listOf(value).flatMap((outer) => (isObject(outer) ? innerOf(outer, name) : [outer]));
  if (items.length > mostItems) {
    problems.add(`${field}: expected at most ${mostItems} entries, got ${items.length}`);
    return [];
  }
  return items.flatMap((fields, index) => {
    const place = { field: items.length === 1 ? `${field}.${name}` : `${field}[${index}].${name}`, problems };
    if (isObject(fields)) return [{ ...place, fields }];
    problems.expected(place.field, 'an object', fields);
    return [];
  });
}

function listOf(value: unknown): readonly unknown[] {
  if (!isGiven(value)) return [];
  return Array.isArray(value) ? value : [value];
}

function innerOf(outer: Fields, name: string): readonly unknown[] {
  if (isGiven(outer[name])) return listOf(outer[name]);
  return Object.keys(outer).length === 0 || Object.hasOwn(outer, name) ? [] : [outer];
}

/** Without a port of the host the engine chooses one. Empty where something is wrong, which was reported. */
function readPort(fields: Fields, { field, problems }: Place): PortMapping[] {
  const within = (name: string) => ({ field: `${field}.${name}`, problems });
  if (!isGiven(fields.container)) problems.missing(`${field}.container`);
  const container = readWhole(fields.container, within('container'), { least: 1, most: 65_535 });
  const host = readWhole(fields.host ?? 0, within('host'), { least: 0, most: 65_535 });
  return container === undefined || host === undefined ? [] : [{ container, host, loopbackOnly: false }];
}

function readMount(fields: Fields, { field, problems }: Place): Mount[] {
  const within = (name: string) => ({ field: `${field}.${name}`, problems });
  const source = readNeededText(fields.host, within('host'));
  const target = readNeededText(fields.container, within('container'));
  const readOnly = isReadOnly(fields.mode, within('mode'));
  return source === undefined || target === undefined ? [] : [{ kind: 'bind', source, target, readOnly }];
}

function isReadOnly(value: unknown, place: Place): boolean {
  const mode = readText(value, place);
  const word = mode?.trim().toLowerCase() ?? 'rw';
  if (word !== 'ro' && word !== 'rw') place.problems.expectedWord(place.field, '`ro` or `rw`', word);
  return word === 'ro';
}
