#!/usr/bin/env node
// The command `whittle` on Node. docs/command-line.md says what it does; tools/whittle is the same, natively.

import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { parseCommandLine, UsageError } from './parse.mjs';
import { ProgressBar } from './progress.mjs';
import { describeComparison, describeInspection, describeList, describeReport } from './table.mjs';

// Planning runs most of the module's functions a few times: compiling them a second time, optimized, takes a quarter of the
// processor time of a run on a small model. The loops over weights pass ten times V8's threshold at once.
setFlagsFromString('--wasm-tiering-budget=18000000');

const EXIT = { cancelled: 130, bound_missed: 3 };

// A reader that went away (EPIPE) is no failure of ours; the work is done or undone all the same.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}

function readRecipe(path, { WhittleError, toWhittleError }) {
  let text;
  try {
    text = readFileSync(path, 'utf8');
  } catch (thrown) {
    throw toWhittleError(thrown, path);
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new WhittleError('invalid_argument', 'the recipe is not JSON', [path]);
  }
}

const sinkOf = (path, api) => (path.endsWith('.zip') ? api.zip(path) : path.endsWith('.pb') ? api.file(path) : api.directory(path));

async function run({ command, operands, options }) {
  const api = await import('../js/index.mjs');
  const print = (json, describe) => {
    if (options.json) process.stdout.write(`${JSON.stringify(json, null, 2)}\n`);
    else if (!options.quiet) process.stdout.write(describe(json, process.stdout));
  };
  let optimizer = null;
  const bar = new ProgressBar(process.stderr, options);
  try {
    const recipe = options.recipe === undefined ? undefined : readRecipe(options.recipe, api);
    optimizer = await api.createOptimizer({ workers: options.workers });
    if (command === 'list') {
      print(await optimizer.list(operands[0]), describeList);
    } else if (command === 'inspect') {
      const model = await optimizer.open(operands[0], { tags: options.tags, signal: stop.signal });
      model.summary.input.path = operands[0];
      print(model.summary, describeInspection);
    } else if (command === 'compare') {
      const [a, b] = [await optimizer.open(operands[0], { summary: false, signal: stop.signal }),
        await optimizer.open(operands[1], { summary: false, signal: stop.signal })];
      const { tags, signatures, verify, samples } = options;
      const comparison = await a.compare(b, {
        tags, signatures, verify, samples, minSqnr: options['min-sqnr'], minAgreement: options['min-agreement'], signal: stop.signal,
        onProgress: (progress) => bar.show(progress),
      });
      [comparison.a.path, comparison.b.path] = operands;
      bar.clear();
      print(comparison, describeComparison);
      if (comparison.state === 'missed') return EXIT.bound_missed;
    } else {
      const started = performance.now();
      const model = await optimizer.open(operands[0], { summary: false, signal: stop.signal });
      const { preset, transforms, format, form, tags, signatures, inputs, outputs, force, samples } = options;
      const report = await model.optimize({
        preset, transforms, recipe, format, form, tags, signatures, inputs, outputs, force, samples,
        verify: options['no-verify'] ? false : options.verify,
        minSqnr: options['min-sqnr'],
        minAgreement: options['min-agreement'],
        keepAnyway: options['keep-anyway'],
        explain: options.explain,
        stopAfter: options['stop-after'],
        keepDevices: options['keep-devices'],
        sink: sinkOf(options.output, api),
        signal: stop.signal,
        onProgress: (progress) => bar.show(progress),
      });
      report.input.path = operands[0];
      report.output.path = options.output;
      bar.clear();
      print(report, (json, stream) => describeReport(json, stream, { options, seconds: (performance.now() - started) / 1000 }));
      if (report.verification?.state === 'missed') return EXIT.bound_missed;
    }
    return 0;
  } catch (thrown) {
    const error = api.toWhittleError(thrown);
    bar.clear();
    process.stderr.write(`error: ${error}\n`);
    if (options.json) process.stdout.write(`${JSON.stringify({ error: error.toJSON() }, null, 2)}\n`);
    return EXIT[error.code] ?? 1;
  } finally {
    await optimizer?.close();
  }
}

async function main(words) {
  try {
    const parsed = parseCommandLine(words);
    if (parsed.help) process.stdout.write(parsed.help);
    else if (parsed.version) {
      process.stdout.write(`${JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version}\n`);
    } else return await run(parsed);
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof UsageError)) throw thrown;
    process.stderr.write(`whittle: ${thrown.message}; see whittle --help\n`);
    return 2;
  }
}

process.exitCode = await main(process.argv.slice(2));
