import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';

test.each([
  [[], '""'],
  [['latest'], '"latest"'],
  [['24', '--fast'], '"--fast"'],
])('npm run test:node refuses the arguments %j in one sentence, and installs nothing', (given, got) => {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/test-node.mjs', ...given], {
    encoding: 'utf8',
  });

  expect(status).toBe(1);
  expect(stderr).toMatch(/^stint: Expected a version of Node [^\n]+\n$/);
  expect(stderr).toContain(`got ${got}.`);
});
