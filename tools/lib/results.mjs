// results.mjs: what a suite answers, and the table at the end.
//
// A result is { cases, failures: [{name, message}], skipped: [{name, reason}], slowest: [{name, seconds}], seconds }.
// `cases` counts everything that was run or skipped.
import { readFileSync } from 'node:fs';

export function empty_result() {
  return { cases: 0, failures: [], skipped: [], slowest: [], seconds: 0 };
}

export function add_result(sum, part) {
  sum.cases += part.cases;
  sum.failures.push(...part.failures);
  sum.skipped.push(...part.skipped);
  sum.slowest.push(...part.slowest);
  return sum;
}

// Reads what a suite's process wrote to WHITTLE_SUITE_JSON (the form is in tools/README.md); null when it wrote nothing.
export function read_suite_json(file) {
  let data;
  try {
    data = JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
  const failed = Array.isArray(data.failed)
    ? data.failed.map((f) => (typeof f === 'string' ? { name: f, message: '' } : f))
    : Array.from({ length: data.failed ?? 0 }, (_, i) => ({ name: `case ${i + 1}`, message: 'see above' }));
  return { cases: data.cases ?? 0, failures: failed, skipped: data.skipped ?? [], slowest: data.slowest ?? [], seconds: 0 };
}

// GoogleTest's output, line by line; the same natively and under Node, where it cannot write files.
export class GoogleTestReader {
  result = empty_result();
  #said = [];
  line(text) {
    const match = /^\[ +(RUN|OK|FAILED|SKIPPED) +\] (\S+?)(?:, where .*)?(?: \((\d+) ms\))?$/.exec(text);
    if (!match) {
      this.#said.push(text);
      return;
    }
    const [, what, name, ms] = match;
    if (what === 'RUN') {
      this.#said = [];
    } else if (ms !== undefined) {  // without a time it is the list at the end
      this.result.cases++;
      this.result.slowest.push({ name, seconds: Number(ms) / 1000 });
      const message = this.#said.filter((s) => s.trim() !== '').slice(0, 12).join('\n    ');
      if (what === 'FAILED') this.result.failures.push({ name, message });
      if (what === 'SKIPPED') this.result.skipped.push({ name, reason: message });
    }
  }
}

export function failure_count(rows) {
  return rows.reduce((sum, row) => sum + row.failures.length, 0);
}

const pad = (text, width) => String(text).padStart(width);

export function print_table(rows, { setup_seconds, required }) {
  const line = (name, cases, failed, skipped, seconds) =>
    console.log(`${name.padEnd(10)}${pad(cases, 7)}${pad(failed, 8)}${pad(skipped, 9)}${pad(seconds, 9)}`);
  console.log('');
  line('suite', 'cases', 'failed', 'skipped', 'seconds');
  line('(set-up)', '', '', '', setup_seconds);
  for (const row of rows) line(row.name, row.cases, row.failures.length, row.skipped.length, row.seconds.toFixed(0));
  const total = rows.reduce((sum, row) => sum + row.seconds, setup_seconds);
  const cases = rows.reduce((sum, row) => sum + row.cases, 0);
  const skipped = rows.reduce((sum, row) => sum + row.skipped.length, 0);
  const failed = failure_count(rows);
  line('all', cases, failed, skipped, total.toFixed(0));

  const slowest = rows
    .flatMap((row) => row.slowest.map((s) => ({ ...s, suite: row.name })))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, 10);
  if (slowest.length > 0) console.log('\nslowest');
  for (const { suite, name, seconds } of slowest) console.log(`${pad(seconds.toFixed(1), 8)} s  ${suite}: ${name}`);

  const reasons = new Map();
  for (const { reason } of rows.flatMap((row) => row.skipped)) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  if (reasons.size > 0) console.log('\nskipped');
  for (const [reason, count] of reasons) console.log(`${pad(count, 5)} ×  ${reason}`);

  const shown_skips = required ? 0 : skipped;  // a required skip is among the failures
  console.log(`\n${Math.max(0, cases - failed - shown_skips)} passed, ${failed} failed, ${shown_skips} skipped`);
}
