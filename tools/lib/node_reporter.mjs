// node_reporter.mjs: reporter for `node --test`: a line a case, and the result as a suite's JSON (tools/README.md).
import { writeFileSync } from 'node:fs';

export default async function* report(events) {
  const result = { cases: 0, failed: [], skipped: [], slowest: [] };
  const path_of = [];  // names of the enclosing describe()s
  for await (const { type, data } of events) {
    if (type === 'test:start') path_of[data.nesting] = data.name;
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const error = data.details?.error;
    // A describe() fails with its cases; only a failure of its own, as of a hook, is told apart.
    if (data.details?.type === 'suite' && !(type === 'test:fail' && error?.failureType !== 'subtestsFailed')) continue;
    const name = [...path_of.slice(0, data.nesting), data.name].join(' › ');
    const seconds = (data.details?.duration_ms ?? 0) / 1000;
    result.cases++;
    result.slowest.push({ name, seconds });
    if (data.skip !== undefined || data.todo !== undefined) {
      const reason = String(data.skip || data.todo || 'skipped');
      result.skipped.push({ name, reason });
      yield `skip    ${name}: ${reason}\n`;
    } else if (type === 'test:fail') {
      const cause = error?.cause ?? error;
      result.failed.push({ name, message: String(cause?.stack ?? cause?.message ?? cause).split('\n').slice(0, 12).join('\n    ') });
      yield `FAILED  ${name}\n`;
    } else {
      yield `ok      ${name} (${seconds.toFixed(1)} s)\n`;
    }
  }
  if (process.env.WHITTLE_SUITE_JSON) writeFileSync(process.env.WHITTLE_SUITE_JSON, JSON.stringify(result));
}
