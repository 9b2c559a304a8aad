// demo.mjs: what tools/run does without arguments: optimizes the bundled sample with the wasm module and says what to try next.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const sample = path.join(root, 'examples/sample/digits_cnn');
const result = path.join(root, 'build/sample/digits_cnn-int8');
const here = (file) => path.relative(process.cwd(), file) || '.';

const command = [path.join(root, 'wasm/bin/whittle.mjs'), 'optimize', sample, '-o', result, '--preset', 'int8', '--force'];
const { status, signal } = spawnSync(process.execPath, command, { stdio: 'inherit' });
if (status !== 0) process.exit(signal ? 1 : status);
console.log(`
The result lies in ${here(result)}. Try next:
  ${here(path.join(root, 'tools/run'))} optimize YOUR_MODEL -o OUT      a model of your own
  ${here(path.join(root, 'tools/serve'))}                               the same as a page`);
