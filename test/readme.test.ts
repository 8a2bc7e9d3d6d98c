import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { statusWords } from '../src/api/gostint/states.js';

const readme = readFileSync('README.md', 'utf8');
const scripts = Object.keys(
  (JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object }).scripts,
);

test('the walk-through waits while its job has any status that is not final', () => {
  const awaited = /IN\(([^)]+)\)/.exec(readme)?.[1];
  const final = ['success', 'failed', 'notauthorised', 'unknown'];

  expect(JSON.parse(`[${awaited}]`)).toEqual(statusWords.filter((word) => !final.includes(word)));
});

test('every npm command that the README names exists', () => {
  const named = [...readme.matchAll(/npm run (?:--silent )?([a-z-]+)/g)].map((match) => match[1]);

  expect(named.length).toBeGreaterThan(3);
  expect(scripts).toEqual(expect.arrayContaining(named));
});

test('every file that the documents link to exists', () => {
  const documents = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md'];
  const links = documents.flatMap((document) =>
    [...readFileSync(document, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] ?? ''),
  );

  expect(links.length).toBeGreaterThan(3);
  expect(links.filter((link) => !existsSync(link))).toEqual([]);
});

test('every test that docs/reliability.md names exists', () => {
  const matrix = readFileSync('docs/reliability.md', 'utf8');
  const named = [...matrix.matchAll(/`(test\/[^`]+\.ts)`(?:: ((?:"[^"]+"(?:, )?)+))?/g)];

  expect(named.length).toBeGreaterThan(30);
  for (const [, file = '', titles = ''] of named) {
    const source = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const fragments = titles.split(/"(?:, )?|…|\(|\)/).map((fragment) => fragment.trim());
    expect({
      file,
      lacks: source === '' ? 'all of it' : fragments.filter((one) => !source.includes(one)),
    }).toEqual({
      file,
      lacks: [],
    });
  }
});
