// test.mjs: runs suites one after the other and closes with one table. Started by tools/test, which says what there is.
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';

import { failure_count, print_table } from './results.mjs';
import { root, run_suite } from './suites.mjs';

const words = process.argv.slice(2);
const all = words.includes('--all');
const setup_seconds = Number(words[words.indexOf('--setup-seconds') + 1] ?? 0);
const names = words.filter((word, i) => !word.startsWith('--') && words[i - 1] !== '--setup-seconds');
const required = process.env.WHITTLE_REQUIRE === '1';

const folder = path.join(root, 'build', 'test-results');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

const run_started = Date.now() - setup_seconds * 1000;
const rows = [];
for (const name of names) {
  process.stderr.write(`\n== ${name}\n`);
  const result = await run_suite(name, { folder, all, run_started });
  // A suite without cases proves nothing, and a skip is a failure where everything is said to be there.
  if (result.cases === 0 && result.failures.length === 0) {
    result.failures.push({ name, message: `the suite ran no case: ${result.looked_for}` });
  }
  if (required) {
    for (const { name: skipped, reason } of result.skipped) {
      result.failures.push({ name: skipped, message: `skipped under WHITTLE_REQUIRE=1: ${reason}` });
    }
  }
  for (const { name: failed, message } of result.failures) process.stderr.write(`FAILED ${failed}: ${message}\n`);
  rows.push({ name, ...result });
}
print_table(rows, { setup_seconds, required });
process.exitCode = failure_count(rows) > 0 ? 1 : 0;
