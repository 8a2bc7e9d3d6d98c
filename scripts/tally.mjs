// node scripts/tally.mjs REPORT: prints the numbers of passed, failed and skipped tests of a vitest JSON report.
//
// A skipped test counts as a failure, since no test may be left out. So does a file that could not be loaded, which vitest
// does not count as a test.
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

/** Without a report the run did not reach its end, which must not look like a run without failures. */
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
