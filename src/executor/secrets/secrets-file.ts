// Writes the secrets file of a job as YAML or JSON, and reads it back.
import type { SecretFileType } from '../../job/job.js';
import { Secret } from '../../job/secret.js';
import type { SecretValues } from '../secrets.js';
import { isPlainYaml } from './yaml-plain.js';

/** The first two lines of GoStint's file; some scripts skip them by number. */
const yamlHeader = '---\n# gostint vault secrets injected:\n';

/** The path of the file inside the container. */
export function secretsPath(type: SecretFileType): string {
  return type === 'json' ? '/secrets.json' : '/secrets.yml';
}

/**
 * One entry per variable, sorted by name. YAML 1.1 and 1.2 readers get back exactly the same texts. `values` holds the
 * job's own `TOKEN` and the values of its references.
 */
export function renderSecretsFile(type: SecretFileType, values: ReadonlyMap<string, Secret>): Uint8Array {
  const entries = [...values].toSorted(([a], [b]) => (a < b ? -1 : 1));
  const text = type === 'json' ? jsonOf(entries) : yamlHeader + entries.map(yamlLine).join('');
  return Buffer.from(text);
}

type Entry = readonly [name: string, value: Secret];

/** Written entry by entry: an object literal would lose a variable called `__proto__`. */
function jsonOf(entries: readonly Entry[]): string {
  const members = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value.reveal())}`);
  return `{${members.join(',')}}\n`;
}

function yamlLine([name, value]: Entry): string {
  return `${yamlText(name)}: ${yamlText(value.reveal())}\n`;
}

function yamlText(text: string): string {
  return isPlainYaml(text) ? text : quotedText(text);
}

/**
 * A JSON string is also a YAML string, except for characters that YAML 1.1 treats as line breaks or does not allow
 * unescaped.
 */
export function quotedText(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\u00a0\u2028\u2029\ufeff\ufffe\uffff]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Reads what `renderSecretsFile` wrote, of either type. Undefined for anything else. */
export function readSecretsFile(bytes: Uint8Array): SecretValues | undefined {
  const text = Buffer.from(bytes).toString();
  try {
    const entries = text.startsWith('{') ? Object.entries(JSON.parse(text) as object) : yamlEntries(text);
    const isOurs = entries.every((entry) => entry.every((each) => typeof each === 'string'));
    return isOurs
      ? new Map(entries.map(([name, value]) => [String(name), new Secret(String(value))]))
      : undefined;
  } catch {
    return undefined; // The error is dropped, because its text may contain secrets.
  }
}

/** Line by line, as it was written: a parser of all of YAML took a tenth of a second for each megabyte. */
function yamlEntries(text: string): [string, string][] {
  if (!text.startsWith(yamlHeader) || !text.endsWith('\n')) throw notOurs();
  return text.slice(yamlHeader.length, -1).split('\n').map(entryOf);
}

function entryOf(line: string): [string, string] {
  const [found, name = ''] = /^("(?:[^"\\]|\\.){0,2000}"|[^"].*?): /.exec(line) ?? [];
  if (found === undefined) throw notOurs();
  return [textOf(name), textOf(line.slice(found.length))];
}

function textOf(yaml: string): string {
  if (yaml.startsWith('"')) return String(JSON.parse(yaml));
  if (!isPlainYaml(yaml)) throw notOurs();
  return yaml;
}

function notOurs(): Error {
  return new Error('Expected a secrets file of stint, got another text.');
}
