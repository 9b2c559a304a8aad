// demo.mjs: what tools/run does without arguments: optimizes the bundled sample with the wasm module, counts in the same
// module how many held-out digits original and result read right, and says what to try next.
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { createOptimizer } from '../../wasm/js/index.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const samples = path.join(root, 'examples/sample');
const original = path.join(samples, 'digits_cnn');
const result = path.join(root, 'build/sample/digits_cnn-int8');
const here = (file) => path.relative(process.cwd(), file) || '.';

await mkdir(path.dirname(result), { recursive: true });  // a clean clone has no build folder of its own
await mkdir(path.dirname(result), { recursive: true });
const command = [path.join(root, 'wasm/bin/whittle.mjs'), 'optimize', original, '-o', result, '--preset', 'int8', '--force'];
const { status, signal } = spawnSync(process.execPath, command, { stdio: 'inherit' });
if (status !== 0) process.exit(signal ? 1 : status);

// A model's files and the held-out samples as one source.
async function filesOf(folder) {
  const files = new Map([['heldout.bin', await readFile(path.join(samples, 'heldout.bin'))]]);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath ?? entry.path, entry.name);
    files.set(path.relative(folder, file).split(path.sep).join('/'), await readFile(file));
  }
  return files;
}

const about = JSON.parse(await readFile(path.join(samples, 'heldout.json'), 'utf8'));
const optimizer = await createOptimizer({ workers: 1 });
const answers = [];
for (const folder of [original, result]) {
  const model = await optimizer.open(await filesOf(folder), { summary: false });
  answers.push(await model.evaluate({
    file: about.file, signature: about.signature, input: about.input, output: about.output,
    count: about.count, shape: about.shape, offset: about.images.offset, scale: about.images.scale, labels: about.labels.offset,
  }));
}
await optimizer.close();

const [before, after] = answers;
const accuracy = ({ correct, count }) => `${(100 * correct / count).toFixed(1)} %`;
let power = 0, noise = 0, largest = 0;
before.output.forEach((value, k) => {
  const error = Math.abs(value - after.output[k]);
  power += value * value;
  noise += error * error;
  largest = Math.max(largest, error);
});
const decibels = noise === 0 ? 'no difference' : `${(10 * Math.log10(power / noise)).toFixed(1)} dB`;
console.log(`
${before.count} held-out digits, computed here by Whittle's own evaluator:
  accuracy          ${accuracy(before)} -> ${accuracy(after)}
  error of outputs  ${decibels}; the largest difference of a probability is ${largest.toFixed(4)}

The result lies in ${here(result)}. Try next:
  ${here(path.join(root, 'tools/run'))} optimize YOUR_MODEL -o OUT      a model of your own
  ${here(path.join(root, 'tools/serve'))}                               the same as a page`);
