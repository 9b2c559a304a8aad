// optimize.mjs MODEL OUTPUT RESULT.json PRESET WORKERS [verify]: one run by the package's interface, as the command does it, for what
// the command does not say: {seconds of optimize() alone, heap_bytes of the fullest worker}.
import { writeFileSync } from 'node:fs';

import { createOptimizer, directory } from '../../wasm/js/index.mjs';

const [input, output, result, preset, workers, verify] = process.argv.slice(2);
const optimizer = await createOptimizer({ workers: Number(workers) });
const model = await optimizer.open(input, { summary: false });
const started = performance.now();
await model.optimize({ preset, form: 'frozen', verify: verify === 'verify', sink: directory(output) });
const seconds = (performance.now() - started) / 1000;
writeFileSync(result, JSON.stringify({ seconds, heap_bytes: optimizer.heapBytes }));
await optimizer.close();
