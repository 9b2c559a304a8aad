// run.mjs: the corpus suite. Every model of this folder and every broken input goes through both commands.
//
//   models     each preset: the same folder from the wasm module in Node and from the native command, byte for byte; not
//              larger than the input; a second run of the same preset gives the same bytes; the input untouched
//   bad input  bad_input.mjs: the expected code and place, the same words from both, nothing left behind, < 512 MB
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { cases } from './bad_input.mjs';

const corpus = path.dirname(fileURLToPath(import.meta.url));
const root = path.resolve(corpus, '../..');
const native = process.env.WHITTLE_NATIVE ?? path.join(root, 'build/native/tools/whittle/whittle');
const commands = {
  node: [process.execPath, [path.join(root, 'wasm/bin/whittle.mjs')]],
  native: [native, []],
};
const PRESETS = ['exact', 'float', 'half', 'int8'];
const MOST_MEMORY = 512 * 1024;  // kB

if (!existsSync(native)) {
  console.error(`error: there is no native command ${native}: tools/build native`);
  process.exit(1);
}

const result = { cases: 0, skipped: [], failed: 0, failures: [], slowest: [] };
async function check(name, body) {
  const started = Date.now();
  result.cases += 1;
  try {
    await body();
  } catch (error) {
    result.failed += 1;
    result.failures.push({ name, message: error.message });
    console.log(`FAILED  ${name}\n        ${error.message}`);
  }
  result.slowest.push({ name, seconds: (Date.now() - started) / 1000 });
}
function must(condition, message) {
  if (!condition) throw new Error(message);
}

// {status, stdout, stderr, memory (kB)}; the peak comes from the shell's `time`-like wait of GNU time when it is there.
const time = existsSync('/usr/bin/time') ? '/usr/bin/time' : null;
function run([program, first], args) {
  const line = [...first, ...args];
  const [file, argv] = time ? [time, ['-f', '%M', program, ...line]] : [program, line];
  return new Promise((resolve) => {
    execFile(file, argv, { maxBuffer: 1 << 28, timeout: 120_000 }, (error, stdout, stderr) => {
      const lines = stderr.trimEnd().split('\n');
      const memory = time ? Number(lines.pop()) : 0;
      resolve({ status: error ? error.code ?? -1 : 0, stdout, stderr: lines.filter((l) => !l.startsWith('Command exited')).join('\n'), memory });
    });
  });
}

// Path → hash of every file below a folder (or of the file itself).
async function hashes(folder) {
  const out = new Map();
  if (!existsSync(folder)) return out;
  for (const entry of (await readdir(folder, { recursive: true, withFileTypes: true })).filter((e) => e.isFile())) {
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    out.set(path.relative(folder, file), createHash('sha256').update(await readFile(file)).digest('hex'));
  }
  return new Map([...out].sort());
}
const same = (a, b) => JSON.stringify([...a]) === JSON.stringify([...b]);

const scratch = await mkdtemp(path.join(os.tmpdir(), 'whittle-corpus-'));
const { models } = JSON.parse(await readFile(path.join(corpus, 'corpus.json'), 'utf8'));

for (const model of models) {
  const input = path.join(corpus, model.path);
  const graph = model.path.endsWith('.pb');
  const ask = graph ? ['--inputs', model.inputs.join(','), '--outputs', model.outputs.join(',')] : [];
  const folder = graph ? path.dirname(input) : input;
  for (const preset of PRESETS) {
    await check(`${model.name} ${preset}`, async () => {
      const before = await hashes(folder);
      const made = {};
      for (const [name, command] of Object.entries(commands)) {
        const out = path.join(scratch, `${model.name}-${preset}-${name}`);
        const done = await run(command, ['optimize', input, '-o', out, '--preset', preset, '--json', ...ask]);
        must(done.status === 0, `${name}: exit ${done.status}: ${done.stderr}`);
        must(done.memory < MOST_MEMORY, `${name}: ${done.memory} kB of memory`);
        made[name] = { out, report: JSON.parse(done.stdout) };
      }
      must(same(before, await hashes(folder)), 'the input has changed');
      must(same(await hashes(made.node.out), await hashes(made.native.out)), 'the two commands write other bytes');
      const { bytes } = made.node.report;
      must(graph || bytes.after <= bytes.before, `larger than the input: ${bytes.before} -> ${bytes.after}`);
      const again = path.join(scratch, `${model.name}-${preset}-again`);
      const done = await run(commands.native, ['optimize', made.native.out, '-o', again, '--preset', preset, '--quiet']);
      must(done.status === 0, `a second run: exit ${done.status}: ${done.stderr}`);
      must(same(await hashes(made.native.out), await hashes(again)), 'a second run gives other bytes');
    });
  }
}

const places = new Set();
for (const [title, make, code, text, options = []] of cases) {
  await check(`bad input: ${title}`, async () => {
    const input = path.join(scratch, `bad-${result.cases}`);
    await mkdir(input);
    await make(input, corpus);
    const before = await hashes(input);
    const said = {};
    for (const [name, command] of Object.entries(commands)) {
      const out = path.join(scratch, `bad-${result.cases}-out`);
      const done = await run(command, ['optimize', input, '-o', out, '--json', ...options]);
      must(done.status === 1, `${name}: exit ${done.status} instead of 1: ${done.stdout}${done.stderr}`);
      const { error } = JSON.parse(done.stdout);
      must(new RegExp(`^(${code})$`).test(error.code), `${name}: code ${error.code} instead of ${code}: ${error.message}`);
      const all = [error.message, ...error.where].join(', in ');
      must(new RegExp(text, 's').test(all), `${name}: nothing about ${text} in: ${all}`);
      must(!existsSync(out), `${name}: something was left behind`);
      const strays = (await readdir(scratch)).filter((f) => f.startsWith('.'));
      must(strays.length === 0, `${name}: left ${strays.join(', ')} behind`);
      must(done.memory < MOST_MEMORY, `${name}: ${done.memory} kB of memory`);
      said[name] = `${error.code}: ${all}`;
    }
    must(said.node === said.native, `the commands say different things:\n          ${said.node}\n          ${said.native}`);
    must(same(before, await hashes(input)), 'the input has changed');
    places.add(said.node.replaceAll(input, ''));
  });
}
await check('bad input: 40 cases with 30 different answers', async () => {
  must(cases.length >= 40 && places.size >= 30, `${cases.length} cases, ${places.size} different answers`);
});

await rm(scratch, { recursive: true, force: true });
result.slowest.sort((a, b) => b.seconds - a.seconds).splice(10);
if (!time) console.log('note: memory is not looked at: there is no /usr/bin/time');
console.log(`corpus: ${result.cases} cases, ${result.failed} failed`);
if (process.env.WHITTLE_SUITE_JSON) await writeFile(process.env.WHITTLE_SUITE_JSON, JSON.stringify(result));
process.exit(result.failed === 0 ? 0 : 1);
