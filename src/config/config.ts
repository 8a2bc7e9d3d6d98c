// Entry point of the settings: reads and checks them all, and reports every problem in one error.
import { readFileSync } from 'node:fs';
import { availableParallelism, homedir } from 'node:os';
import { readAllowRules } from './allow-rules.js';
import { type MachineFacts, toConfig } from './build.js';
import { collectSettings, type Environment, type ReadFile } from './collect.js';
import { quoteSetting } from './quote.js';
import { findConflicts } from './rules.js';
import { schema } from './schema.js';
import { type RawSettings, type Setting, type SettingName, settings } from './settings.js';
import type { Config } from './types.js';

export type { Config, VaultConfig } from './types.js';

/** What the program reads beside its environment. */
export interface Machine extends MachineFacts {
  readonly readFile: ReadFile;
}

/** The settings cannot be used. Its message lists all problems, one a line; it holds no secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'config_invalid';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(`Could not use the settings:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Reads all settings once. Throws `ConfigError` with every problem there is. */
export function readConfig(env: Environment = process.env, machine: Machine = thisMachine()): Config {
  const { raw, problems, files } = collectSettings(env, machine.readFile);
  const parsed = schema.safeParse(raw);
  const wrong = parsed.error?.issues.flatMap((issue) =>
    describe(issue.path[0] as SettingName, issue.message, raw),
  );
  const { rules, problems: inRules } = readAllowRules(raw.STINT_ALLOW_RULES, machine.readFile);
  const all = [...problems, ...(wrong ?? []), ...findConflicts(raw), ...inRules];
  if (parsed.data === undefined || all.length > 0) throw new ConfigError(all);
  return deepFreeze(toConfig(parsed.data, machine, { files, rules }));
}

function thisMachine(): Machine {
  return {
    cores: availableParallelism(),
    isRoot: process.getuid?.() === 0,
    home: homedir(),
    readFile: (path) => readFileSync(path, 'utf8'),
  };
}

/** An empty text comes from a file that could not be used, which was reported already. */
function describe(name: SettingName, shape: string, raw: RawSettings): string[] {
  const value = raw[name];
  const setting: Setting | undefined = settings.find((each) => each.name === name);
  if (value === undefined) return [`Expected ${name} to be set, got nothing. ${setting?.meaning ?? ''}`];
  return value === ''
    ? []
    : [`Expected ${name} to be ${shape}, got ${show(value, setting?.secret === true)}.`];
}

/** A secret's text is not shown even when it is wrong: it may be right but for one letter. */
function show(value: string, isSecret: boolean): string {
  return isSecret ? `another text of ${value.length} characters` : quoteSetting(value);
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}
