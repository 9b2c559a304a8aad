// Models that no memory should hold: the heap of the fullest worker, and the resident set of Node with all of them. Seconds
// are shown beside a copy of the bytes.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import { in_turn, programs, run_measured } from './measure.mjs';
import { row, shown } from './rows.mjs';
import { kLargeNames } from './workshop.mjs';

export const name = 'big';

const kRounds = 2;
const kMega = 1e6;
const kHeap = 256 * 2 ** 20;
const kResident = 1e9;

export const cases = (workshop) => kLargeNames.map((model) => ({
  name: `big/${model}`,
  async run() {
    const folder = workshop.large(model);
    const output = workshop.place('big');
    const copied = workshop.place('big-copy');
    const json = workshop.place('big.json');
    let heap = 0;
    const ours = {
      prepare: () => rmSync(output, { recursive: true, force: true }),
      async run() {
        const measured = await run_measured(process.execPath, ['tools/bench/optimize.mjs', folder, output, json, 'int8', '2']);
        heap = Math.max(heap, JSON.parse(readFileSync(json, 'utf8')).heap_bytes);
        return measured;
      },
    };
    const copy = {
      prepare: () => rmSync(copied, { force: true }),
      run: () => run_measured(path.join(programs, 'whittle_copy'), [copied, path.join(folder, 'variables/variables.data-00000-of-00001')]),
    };
    const [run, bytes] = await in_turn([ours, copy], kRounds);
    for (const place of [output, copied, json]) rmSync(place, { recursive: true, force: true });
    return [
      row(`big/${model}, wasm heap of a worker`, 'MB', heap / kMega, { must: 'value <=', bound: kHeap / kMega }),
      row(`big/${model}, peak memory of Node`, 'MB', run.peak_bytes / kMega, { must: 'value <=', bound: kResident / kMega }),
      shown(`big/${model}, beside a copy`, 's', run.seconds, bytes.seconds),
    ];
  },
}));
