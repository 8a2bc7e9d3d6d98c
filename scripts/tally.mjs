// node scripts/tally.mjs REPORT: prints one line with the numbers of a vitest JSON report. A skipped test fails, since
// here nothing may be left out; so does a file that could not even be loaded, which vitest counts as no test at all.
import { readFileSync } from 'node:fs';

const report = readReport(process.argv[2] ?? '');
const broken = report.testResults.filter(
  (file) => file.status === 'failed' && file.assertionResults.length === 0,
);
const passed = report.numPassedTests;
const failed = report.numFailedTests + broken.length;
const skipped = report.numPendingTests + report.numTodoTests;

for (const file of broken) process.stdout.write(`could not be loaded: ${file.name}\n`);
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
process.exitCode = passed > 0 && failed === 0 && skipped === 0 ? 0 : 1;

/** Without a report the run broke down before its end, which must not look like a run without failures. */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    const nothing = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0 };
    return {
      ...nothing,
      testResults: [{ name: `the report "${path}"`, status: 'failed', assertionResults: [] }],
    };
  }
}
