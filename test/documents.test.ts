import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { wordOf } from '../src/api/gaffer/states.js';
import { jobShape as gafferShape } from '../src/api/gaffer/template/wire.js';
import { statusOf as gostintStatusOf } from '../src/api/gostint/states.js';
import { requestShape } from '../src/api/gostint/wire.js';
import { codeOf, descriptionOf } from '../src/api/jobproxy/states.js';
import { taskFields } from '../src/api/jobproxy/task/task.js';
import { statusOf as lopcoStatusOf } from '../src/api/lopco/states.js';
import { jobShape as lopcoShape } from '../src/api/lopco/wire.js';
import { openApiDocument } from '../src/api/native/openapi.js';
import { statusOf } from '../src/api/runai/states.js';
import { jobShape } from '../src/api/runai/wire.js';
import { type Setting, settings } from '../src/config/settings.js';
import { isFinal, type JobState, jobStates } from '../src/job/state.js';
import { refusals } from './contract/vault-http-servers.js';
import { checkTable } from './support/check-table.js';
import { licenceOf, readJson, runtimePackages } from './support/lockfile.js';

/** One row of the table of settings. */
function settingRow(setting: Setting): string {
  const alias = setting.alias === undefined ? '' : `, \`${setting.alias}\``;
  const file = setting.secret === true ? ' (or `…_FILE`)' : '';
  const own = setting.default === undefined ? setting.derived : `\`${setting.default}\``;
  const fallback = setting.required === true ? '**required**' : (own ?? 'none');
  return `| \`${setting.name}\`${alias}${file} | ${fallback} | ${setting.meaning} |`;
}

test('docs/settings.md says what the schema of the settings says, in its order', () => {
  const rows = settings.map(settingRow);

  expect(rows.length).toBeGreaterThan(40);
  checkTable('docs/settings.md', 'settings', ['| name | default | meaning |', '|---|---|---|', ...rows]);
});

test('docs/licences.md lists what is installed with the server, with its licence', () => {
  const rows = runtimePackages(readJson('package-lock.json'))
    .filter(({ isOptional }) => !isOptional)
    .map(({ path, name, version }) => `| ${name} | ${version} | ${licenceOf(path)} |`);

  expect(rows.length).toBeGreaterThan(50);
  checkTable('docs/licences.md', 'licences', ['| package | version | licence |', '|---|---|---|', ...rows]);
});

interface Described {
  readonly summary: string;
  readonly requestBody?: { readonly content: { readonly 'application/json': { schema: { $ref: string } } } };
}

function routeRows(): string[] {
  const { paths, components } = openApiDocument('/stint/v1') as {
    paths: Record<string, Record<string, Described>>;
    components: { schemas: Record<string, { properties?: object }> };
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => method !== 'parameters')
      .map(([method, { summary, requestBody }]) => {
        const schema = requestBody?.content['application/json'].schema.$ref.split('/').at(-1) ?? '';
        const fields = Object.keys(components.schemas[schema]?.properties ?? {}).map(
          (field) => `\`${field}\``,
        );
        return `| \`${method.toUpperCase()} ${path}\` | ${fields.join(', ')} | ${summary} |`;
      }),
  );
}

test('docs/operators.md lists the native routes as OpenAPI describes them', () => {
  const rows = routeRows();

  expect(rows.length).toBeGreaterThan(10);
  checkTable('docs/operators.md', 'routes', [
    '| request | fields of its body | what it does |',
    '|---|---|---|',
    ...rows,
  ]);
});

test('docs/gostint.md names every field of a submit, and no other', () => {
  const table = readFileSync('docs/gostint.md', 'utf8').split('## Answers')[0] ?? '';
  const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.split(', '));

  expect(rows.toSorted()).toEqual(
    Object.keys(requestShape.shape)
      .map((name) => `\`${name}\``)
      .toSorted(),
  );
});

test('docs/jobproxy.md names every field of a task, and no other', () => {
  const text = readFileSync('docs/jobproxy.md', 'utf8');
  const table = (text.split('## A task')[1] ?? '').split('## A state')[0] ?? '';
  const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.split(', '));

  expect(rows).toEqual(taskFields.map((name) => `\`${name}\``));
});

test('docs/runai.md names every field of a job, and no other', () => {
  const table = readFileSync('docs/runai.md', 'utf8').split('## Fields')[1]?.split('## Answers')[0] ?? '';
  const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.split(', '));

  expect(rows.toSorted()).toEqual(
    Object.keys(jobShape)
      .map((name) => `\`${name}\``)
      .toSorted(),
  );
});

test('docs/runai.md says which word stands for each state', () => {
  const table = readFileSync('docs/runai.md', 'utf8').split('## Answers')[1] ?? '';
  const rows = [...table.matchAll(/^\| (\w+) \| `(\w+)` \| (.+) \|$/gm)].slice(1);

  expect(rows.map(([, state]) => state)).toEqual([...jobStates]);
  for (const [, state, word, detailed] of rows) {
    const job = { state: state as JobState, reason: undefined };
    expect(word).toBe(statusOf(job, false));
    expect(detailed).toContain(`\`${statusOf(job, true)}\``);
  }
});

test('docs/gaffer.md names every field of a job, and no other', () => {
  const table = readFileSync('docs/gaffer.md', 'utf8').split('## Fields')[1]?.split('## When')[0] ?? '';
  const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.split(', '));

  expect(rows.toSorted()).toEqual(
    Object.keys(gafferShape)
      .map((name) => `\`${name}\``)
      .toSorted(),
  );
});

test('docs/lopco.md names every field of a new job, and no other', () => {
  const table = readFileSync('docs/lopco.md', 'utf8').split('## Fields')[1]?.split('## Stages')[0] ?? '';
  const rows = [...table.matchAll(/^\| (`[^|]+) \|/gm)].flatMap(([, names = '']) => names.split(', '));

  expect(rows.toSorted()).toEqual(
    Object.keys(lopcoShape)
      .map((name) => `\`${name}\``)
      .toSorted(),
  );
});

test('docs/gaffer.md says which word stands for each state', () => {
  const table = readFileSync('docs/gaffer.md', 'utf8').split('## When')[1] ?? '';
  const rows = [...table.matchAll(/^\| (\w+) \| (active|gone) \|$/gm)].map((row) => row.slice(1));

  expect(rows).toEqual(jobStates.map((state) => [state, wordOf({ state })]));
});

test('docs/lopco.md says which word stands for each state', () => {
  const table = readFileSync('docs/lopco.md', 'utf8').split('## Answers')[1] ?? '';
  const rows = [...table.matchAll(/^\| (\w+) \| `(\w+)` \| `(\w+)` \|$/gm)].map((row) => row.slice(1));

  expect(rows).toEqual(
    jobStates.map((state) => [state, lopcoStatusOf(state), isFinal(state) ? 'history' : 'jobs']),
  );
});

test('docs/doors.md says which words stand for each state at each door', () => {
  const table = readFileSync('docs/doors.md', 'utf8').split('## A state')[1] ?? '';
  const rows = [
    ...table.matchAll(/^\| (\w+) \| `(\w+)` \| `(\w+)`, `(.+)` \| `(\w+)` \| `(\w+)` \| `(\w+)` \|$/gm),
  ].map((row) => row.slice(1));

  expect(rows).toEqual(
    jobStates.map((state) => {
      const hasFailed = state === 'failed';
      const reason = hasFailed ? ('exit_code' as const) : undefined;
      const exitCode = hasFailed ? 3 : undefined;
      const job = { state, reason, exitCode, code: undefined, message: undefined, options: {} };
      return [
        state,
        gostintStatusOf(job),
        codeOf(job),
        descriptionOf(job),
        statusOf(job, false),
        wordOf(job),
        lopcoStatusOf(state),
      ];
    }),
  );
});

const walk = readFileSync('docs/walkthrough.md', 'utf8');

/** Whether a source file defines this name, as a function, class, interface or constant. */
function defines(path: string, name: string): boolean {
  const source = existsSync(path) ? readFileSync(path, 'utf8') : '';
  return new RegExp(`(?:function|class|interface|const) ${name}\\b`).test(source);
}

test('docs/walkthrough.md takes ten stops at most, and each exists in the code', () => {
  const stops = [...walk.matchAll(/^\| (\d+) \| `(\S+)` \| `(\w+)` \|/gm)];

  expect(stops.length).toBeGreaterThan(5);
  expect(stops.length).toBeLessThanOrEqual(10);
  expect(stops.filter(([, , path = '', name = '']) => !defines(path, name)).map(([row]) => row)).toEqual([]);
});

test('every file that the documents name exists', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/walkthrough.md'];
  const named = documents.flatMap((document) =>
    [
      ...readFileSync(document, 'utf8').matchAll(
        /`((?:src|test|bench|rig|docs|vault-dev|migrations)\/[\w./-]*)`/g,
      ),
    ].map(([, path = '']) => path),
  );

  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((path) => !existsSync(path))).toEqual([]);
});

const lines = (path: string) => readFileSync(path, 'utf8').split('\n').length;

test('README and ARCHITECTURE stay short', () => {
  expect(lines('README.md')).toBeLessThanOrEqual(150);
  expect(lines('ARCHITECTURE.md')).toBeLessThanOrEqual(150);
});

test('docs/vaults.md says where servers differ, as the contract holds them to it', () => {
  const rows = Object.entries(refusals).map(([what, said]) => {
    const cells = Object.values(said).map(({ status, error }) => `${status} \`${error}\``);
    return `| ${[what, ...cells].join(' | ')} |`;
  });
  const [first] = Object.values(refusals);

  expect(rows.length).toBeGreaterThan(5);
  checkTable('docs/vaults.md', 'refusals', [
    `| what is refused | ${Object.keys(first ?? {}).join(' | ')} |`,
    '|---|---|---|',
    ...rows,
  ]);
});

test('docs/security.md names tests that there are, by their titles', () => {
  const rows = readFileSync('docs/security.md', 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| ') && line.includes('`test/'));
  const wrong = rows.flatMap((row) => {
    const tests = row.split(' | ').at(-1) ?? '';
    const files = [...tests.matchAll(/`(test\/[^`]+\.ts)`/g)].map(([, path = '']) => path);
    const missing = files.filter((path) => !existsSync(path));
    const texts = files.filter((path) => existsSync(path)).map((path) => readFileSync(path, 'utf8'));
    const titles = [...tests.matchAll(/"([^"]+)"/g)].map(([, title = '']) => title);
    return [...missing, ...titles.filter((title) => !texts.some((text) => text.includes(title)))];
  });

  expect(rows.length).toBeGreaterThan(5);
  expect(wrong).toEqual([]);
});
