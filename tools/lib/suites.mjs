// suites.mjs: the suites of tools/test: what each builds, runs and how long it may take.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { add_result, empty_result, GoogleTestReader, read_suite_json } from './results.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

// Minutes after which a suite is ended as failed: about twice what it takes on two cores, its builds included; with --all
// four times that. Without --all the whole run ends after kWholeMinutes, set-up included: CI allows 90.
const kMinutes = { tools: 5, unit: 20, asan: 25, wasm: 25, corpus: 15, web: 15, size: 5, oracle: 40, bench: 60 };

const kWholeMinutes = 85;

export async function run_suite(name, { folder, all, run_started }) {
  const started = Date.now();
  const own = started + kMinutes[name] * (all ? 4 : 1) * 60_000;
  const deadline = all ? own : Math.min(own, run_started + kWholeMinutes * 60_000);
  const suite = new Suite(name, { folder, all, deadline });
  try {
    await kSuites[name](suite);
  } catch (error) {
    suite.result.failures.push({ name, message: error.message });
  }
  suite.result.seconds = (Date.now() - started) / 1000;
  suite.result.looked_for = suite.looked_for.join(', ');
  return suite.result;
}

const kSuites = {
  async tools(suite) {
    await suite.node_tests('tests/tools');
  },

  async unit(suite) {
    await suite.build('build_native');
    await suite.google_test('build/native/tests/whittle_tests');
    await suite.single_case('layers', 'ctest', ['--test-dir', 'build/native', '--output-on-failure', '-R', '^layers$']);
  },

  async asan(suite) {
    await suite.build('build_unit_tests asan');
    await suite.google_test('build/asan/tests/whittle_tests');
    await suite.single_case('fuzz', 'ctest', ['--test-dir', 'build/asan', '--output-on-failure', '-R', '^fuzz_']);
  },

  async wasm(suite) {
    await suite.build('build_module && build_unit_tests wasm-tests');
    await suite.google_test(process.execPath, ['build/wasm-tests/tests/whittle_tests.js']);
    await suite.build('build_native');
    await suite.node_tests('tests/wasm', 'tests/install');
  },

  async corpus(suite) {
    await suite.build('build_module && build_native');
    await suite.program('tests/corpus/run.mjs', process.execPath);
  },

  async web(suite) {
    await suite.build('build_module && build_page');
    await suite.node_tests('tests/web');
  },

  async size(suite) {
    await suite.build('build_module && build_page');
    await suite.program('tools/lib/size_report.mjs', process.execPath, ['--check']);
  },

  async oracle(suite) {
    await suite.build('build_module && build_native');
    await suite.program('tests/oracle/run.py', path.join(root, '.cache/venv-oracle/bin/python'));
  },

  async bench(suite) {
    await suite.build('build_module && build_native');
    await suite.program('tools/bench/run', 'bash', ['--check']);
  },
};

class Suite {
  result = empty_result();
  looked_for = [];

  constructor(name, { folder, all, deadline }) {
    this.name = name;
    this.folder = folder;
    this.all = all;
    this.deadline = deadline;
    this.started = Date.now();
    this.steps = 0;
  }

  // ---- steps of a suite --------------------------------------------------------------------------------------------

  // Functions of tools/lib/build.sh.
  async build(call) {
    const script = `root=$1; . "$root/tools/lib/env.sh"; . "$root/tools/lib/build.sh"; use_node; ${call}`;
    const { code } = await this.#process('bash', ['-c', script, 'build', root], { echo: true });
    if (code !== 0) throw new Error(`${call} failed`);
  }

  async google_test(program, args = []) {
    this.looked_for.push('tests/unit/*/*_test.cc');
    const reader = new GoogleTestReader();
    const { code, ended, tail } = await this.#process(program, [...args, '--gtest_color=no'], { line: (text) => reader.line(text) });
    add_result(this.result, reader.result);
    if (code !== 0 && reader.result.failures.length === 0) {
      this.result.failures.push({ name: path.basename(program), message: `${ended}\n    ${tail.join('\n    ')}` });
    }
  }

  // Every *.test.mjs of the folders, by Node's test runner.
  async node_tests(...folders) {
    const files = folders.flatMap((folder) => list(folder).filter((file) => file.endsWith('.test.mjs')).map((file) => `${folder}/${file}`));
    this.looked_for.push(...folders.map((folder) => `${folder}/*.test.mjs`));
    if (files.length === 0) return;
    const reporter = path.join(root, 'tools/lib/node_reporter.mjs');
    await this.#reporting(process.execPath, ['--test', '--test-concurrency=1', `--test-reporter=${reporter}`, ...files]);
  }

  // One script of ours that reports through WHITTLE_SUITE_JSON.
  async program(script, interpreter, args = []) {
    this.looked_for.push(script);
    if (!existsSync(path.join(root, script))) throw new Error(`${script} does not exist`);
    await this.#reporting(interpreter, [script, ...args, ...(this.all ? ['--all'] : [])]);
  }

  async single_case(name, program, args) {
    const started = Date.now();
    const { code, ended, tail } = await this.#process(program, args);
    this.result.cases++;
    this.result.slowest.push({ name, seconds: (Date.now() - started) / 1000 });
    if (code !== 0) this.result.failures.push({ name, message: `${ended}\n    ${tail.join('\n    ')}` });
  }

  // ---- processes ---------------------------------------------------------------------------------------------------

  async #reporting(program, args) {
    const json = path.join(this.folder, `${this.name}-${this.steps}.json`);
    const { code, ended, tail } = await this.#process(program, args, { echo: true, env: { WHITTLE_SUITE_JSON: json } });
    const part = read_suite_json(json);
    if (part) add_result(this.result, part);
    if (!part || (code !== 0 && part.failures.length === 0)) {
      const said = part ? ended : `${ended}, and wrote no WHITTLE_SUITE_JSON`;
      this.result.failures.push({ name: args.find((arg) => !arg.startsWith('-')) ?? program, message: `${said}\n    ${tail.join('\n    ')}` });
    }
  }

  // Runs in the repository's root in a process group of its own, so that nothing outlives its time. All output goes to a log.
  #process(program, args, { line = () => {}, echo = false, env = {} } = {}) {
    const log = path.join(this.folder, `${this.name}-${this.steps++}.log`);
    return new Promise((resolve) => {
      const child = spawn(program, args, {
        cwd: root,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: {
          ...process.env,
          ...env,
          WHITTLE_NATIVE: path.join(root, 'build/native/tools/whittle/whittle'),
          WHITTLE_SECONDS: String(Math.max(0, Math.floor((this.deadline - Date.now()) / 1000))),
          ...(this.all ? { WHITTLE_ALL: '1' } : {}),
        },
      });
      const end = () => {
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {}  // it has just ended by itself
      };
      let late = false;
      const timer = setTimeout(() => {
        late = true;
        end();
      }, Math.max(1, this.deadline - Date.now()));
      const stop = (signal) => {
        end();
        process.exit(signal === 'SIGINT' ? 130 : 143);
      };
      process.once('SIGINT', stop);
      process.once('SIGTERM', stop);

      const file = createWriteStream(log);
      const tail = [];
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on('line', (text) => {
          file.write(`${text}\n`);
          line(text);
          tail.push(text.slice(0, 400));
          if (tail.length > 30) tail.shift();
          if (echo) process.stderr.write(`${text}\n`);
        });
      }
      const done = (code, ended) => {
        clearTimeout(timer);
        process.off('SIGINT', stop);
        process.off('SIGTERM', stop);
        file.end();
        resolve({ code, ended, tail });
      };
      child.on('error', (error) => done(-1, `could not start ${program}: ${error.message}`));
      child.on('close', (code, signal) => {
        if (late) done(-1, `was ended: the time of this suite was over after ${((Date.now() - this.started) / 60_000).toFixed(1)} minutes`);
        else done(code ?? -1, signal ? `ended by ${signal}` : `exit code ${code}`);
      });
    });
  }
}

function list(folder) {
  try {
    return readdirSync(path.join(root, folder)).sort();
  } catch {
    return [];
  }
}
