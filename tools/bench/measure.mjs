// measure.mjs: running programs with a clock and a scale (whittle_measure), and what to make of several runs.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const cache = path.join(root, '.cache/bench');
export const programs = path.join(root, 'build/native/tools/bench');
export const command = path.join(root, 'wasm/bin/whittle.mjs');

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted.length % 2 ? sorted[(sorted.length - 1) / 2] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
};

// Runs a program to its end; {seconds, peak_bytes, exit}. Throws with the end of what it said when it fails.
export function run_measured(program, args, { env = {} } = {}) {
  mkdirSync(cache, { recursive: true });
  const result = path.join(cache, `measured-${process.pid}.json`);
  return new Promise((resolve, reject) => {
    const child = spawn(path.join(programs, 'whittle_measure'), [result, program, ...args], {
      cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (text) => { said = (said + text).slice(-2000); });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code !== 0) return reject(new Error(`${path.basename(program)} ${args[0]}: exit code ${code}: ${said.trim()}`));
      const measured = JSON.parse(readFileSync(result, 'utf8'));
      rmSync(result);
      return resolve(measured);
    });
  });
}

// Runs the sides in turn, A B A B: what slows the machine for a while meets all of them. Each side is {prepare, run}; one
// round beforehand warms the page cache and is not counted. Gives by side the medians and each side's largest memory.
export async function in_turn(sides, rounds) {
  const runs = sides.map(() => []);
  for (let round = -1; round < rounds; round++) {
    for (const [index, side] of sides.entries()) {
      side.prepare?.();
      const measured = await side.run();
      if (round >= 0) runs[index].push(measured);
    }
  }
  return runs.map((list) => ({
    seconds: median(list.map((run) => run.seconds)),
    least: Math.min(...list.map((run) => run.seconds)),
    peak_bytes: Math.max(...list.map((run) => run.peak_bytes)),
  }));
}

// The command on Node, as a side. `-o` needs a place that is free.
export const whittle = (words, output) => ({
  prepare: () => output && rmSync(output, { recursive: true, force: true }),
  run: () => run_measured(process.execPath, [command, ...words, ...(output ? ['-o', output, '--quiet'] : ['--json'])]),
});
