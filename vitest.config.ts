import { defineConfig } from 'vitest/config';

/** What needs a real engine, database or Vault: told by its name or folder. The rest starts nothing and runs anywhere. */
const REAL = ['test/**/*.real.test.ts', 'test/journey/**/*.test.ts', 'test/rig/**/*.test.ts'];

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 20_000 } }, // What is polled for comes: how soon is for the bench, not for a loaded machine.
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: REAL } },
      { extends: true, test: { name: 'real', include: REAL, globalSetup: 'test/support/global-setup.ts' } },
    ],
  },
});
