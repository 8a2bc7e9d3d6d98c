// Gathers the raw text of each setting from variables, GoStint's names for them and `_FILE` files.
import { findUnknownNames } from './names.js';
import { quotePath } from './quote.js';
import { type RawSettings, type Setting, type SettingName, settings } from './settings.js';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads a whole small file as text; throws as `readFileSync` does. */
export type ReadFile = (path: string) => string;

export interface Collected {
  /** What was set, or else the setting's own default. */
  readonly raw: RawSettings;
  readonly problems: readonly string[];
  /** The files that settings came from. */
  readonly files: SettingFiles;
}

export type SettingFiles = Readonly<Partial<Record<SettingName, string>>>;

/**
 * Gathers the settings' texts from variables, aliases and files. An empty variable counts as not set, since that is
 * what compose files and units make of a value that is left out.
 */
export function collectSettings(env: Environment, readFile: ReadFile): Collected {
  const raw: RawSettings = {};
  const problems = findUnknownNames(env);
  const files: Partial<Record<SettingName, string>> = {};
  for (const setting of settings as readonly (Setting & { name: SettingName })[]) {
    const found = collectOne(setting, { env, readFile, problems });
    const value = found?.value ?? setting.default;
    if (value !== undefined) raw[setting.name] = value;
    if (found?.file !== undefined) files[setting.name] = found.file;
  }
  return { raw, problems, files };
}

interface Sources {
  readonly env: Environment;
  readonly readFile: ReadFile;
  readonly problems: string[];
}

interface Found {
  /** The variable it came from. */
  readonly name: string;
  readonly value: string;
  readonly file?: string;
}

/** Two sources with the same value are allowed: a unit file may set the old and the new name for a while. */
function collectOne(setting: Setting, sources: Sources): Found | undefined {
  const found = [
    ...readBoth(setting.name, setting, sources),
    ...(setting.alias === undefined ? [] : readAlias(setting.alias, setting, sources)),
  ];
  const [first] = found;
  const other = found.find(({ value }) => value !== first?.value);
  if (first !== undefined && other !== undefined)
    sources.problems.push(
      `Expected ${first.name} and ${other.name} to say the same, got two different values.`,
    );
  return first;
}

function readAlias(alias: string, setting: Setting, sources: Sources): Found[] {
  const found = readBoth(alias, setting, sources);
  if (setting.aliasIsSwitch !== true) return found;
  return found.map((each) => ({
    ...each,
    value: /^(?:true|false|0|1)$/.test(each.value) ? each.value : 'true',
  }));
}

function readBoth(name: string, setting: Setting, sources: Sources): Found[] {
  const value = sources.env[name];
  const plain = value === undefined || value === '' ? [] : [{ name, value }];
  return setting.secret === true ? [...plain, ...readFrom(`${name}_FILE`, sources)] : plain;
}

/** Removes line breaks at the end: they come from an editor or `echo`, not from the secret. */
function readFrom(name: string, { env, readFile, problems }: Sources): Found[] {
  const path = env[name];
  if (path === undefined || path === '') return [];
  try {
    const value = readFile(path).replace(/[\r\n]+$/, '');
    if (value === '') problems.push(`Expected ${name} to name a file with a value, got an empty file.`);
    return [{ name, value, file: path }];
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    problems.push(`Expected ${name} to name a readable file, got ${quotePath(path)} (${code}).`);
    return [{ name, value: '' }];
  }
}
