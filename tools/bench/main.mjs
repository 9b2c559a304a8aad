// main.mjs: runs groups of cases, prints their rows, writes them down. Started by tools/bench/run, which says what there is.
//
// A group is {name, cases(workshop)} with cases {name, run() → rows}; a case that throws Skip becomes a row that says why.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import * as big from './group_big.mjs';
import * as graphs from './group_graphs.mjs';
import * as inspect from './group_inspect.mjs';
import * as kernels from './group_kernels.mjs';
import * as models from './group_models.mjs';
import * as start from './group_start.mjs';
import { describe_commit, describe_machine } from './machine.mjs';
import { root } from './measure.mjs';
import { head_line, row, row_line, Skip, skipped } from './rows.mjs';
import { Workshop } from './workshop.mjs';
import { write_docs } from './write_docs.mjs';

const kGroups = [kernels, models, start, big, inspect, graphs];

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'string' }, only: { type: 'string' }, check: { type: 'boolean' }, keep: { type: 'boolean' }, all: { type: 'boolean' } },
});
const unknown = positionals.filter((name) => !kGroups.some((group) => group.name === name));
if (unknown.length > 0) {
  console.error(`no group ${unknown.join(', ')}; there are ${kGroups.map((group) => group.name).join(', ')}`);
  process.exit(2);
}
const required = process.env.WHITTLE_REQUIRE === '1';
const whole = positionals.length === 0 && options.only === undefined;

const machine = describe_machine();
const commit = describe_commit();
const workshop = new Workshop({ keep: options.keep });
for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    workshop.clear();
    process.exit(130);
  });
}
const rows = [];
const seconds = [];
const say = (text) => process.stderr.write(`${text}\n`);

console.log(`${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, Node ${machine.node}, load ${machine.load}`);
console.log(head_line());
try {
  for (const group of kGroups) {
    if (positionals.length > 0 && !positionals.includes(group.name)) continue;
    for (const { name, run } of group.cases(workshop)) {
      if (options.only !== undefined && !name.includes(options.only)) continue;
      const started = performance.now();
      let found;
      try {
        found = await run();
      } catch (thrown) {
        if (thrown instanceof Skip) found = [{ ...skipped(name, thrown.message), ok: !required }];
        else {
          found = [{ ...row(name, '', 0), value: null, ok: false, failed: thrown.message }];
          say(`${name} failed: ${thrown.stack}`);
        }
      }
      for (const one of found) console.log(row_line(one));
      rows.push(...found);
      seconds.push({ name, seconds: (performance.now() - started) / 1000 });
    }
  }
} finally {
  workshop.clear();
}

const missed = rows.filter((one) => !one.ok);
const gaps = rows.filter((one) => one.skipped || one.failed);
const bounds = rows.filter((one) => one.must !== null);
console.log(`\n${bounds.length} bounds, ${bounds.filter((one) => !one.ok).length} missed; ${gaps.length} cases not run`);
for (const one of missed) console.log(`  ${one.failed ? 'FAILED' : one.skipped ? 'SKIPPED' : 'MISSED'} ${one.name}${one.failed ? `: ${one.failed}` : ''}`);

const command = `tools/bench/run ${process.argv.slice(2).join(' ')}`.trim();
const document = { schema: 'whittle-benchmarks/1', date: new Date().toISOString().slice(0, 10), commit, command, machine, rows };
if (options.json !== undefined) {
  mkdirSync(path.dirname(path.resolve(options.json)), { recursive: true });
  writeFileSync(options.json, `[\n${rows.map((one) => `  ${JSON.stringify(one)}`).join(',\n')}\n]\n`);
}
if (options.check) {
  if (whole && gaps.length === 0) write_docs(document);
  else console.log('docs/benchmarks.json is left as it is: not every case ran');
}
if (process.env.WHITTLE_SUITE_JSON) {
  writeFileSync(process.env.WHITTLE_SUITE_JSON, JSON.stringify({
    cases: rows.length,
    failed: missed.filter((one) => !one.skipped).map((one) => ({ name: one.name, message: one.failed ?? row_line(one) })),
    skipped: rows.filter((one) => one.skipped).map((one) => ({ name: one.name, reason: one.skipped })),
    slowest: seconds,
  }));
}
process.exitCode = missed.length > 0 && options.check ? 1 : 0;
