// Whole models as int8 in Node with two workers: seconds from process start, and the largest resident set. Without verifying
// the result, which neither a copy nor TensorFlow's freezing does; what that costs is shown.
//
// Against a copy: at most 0.35 s (Node and the module start) and twice what whittle_copy needs for the same weights. What is
// copied is the model as one frozen graph, so that variables which nobody reads do not count: Keras 3 stores each weight
// twice, and Whittle reads one of them. Against TensorFlow: freeze_tf.py.
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';

import { in_turn, median, programs, run_measured, whittle } from './measure.mjs';
import { row, shown } from './rows.mjs';
import { kNets } from './workshop.mjs';

export const name = 'models';

const kRounds = 7;
const kTensorFlowRounds = 3;
const kVerifiedRounds = 3;
const kStart = 0.35;
const kMemory = { mobilenetv2: 1 / 4, resnet50: 1 / 6, 'bert-base-like': 1 / 10 };
const kVerifiedHeap = 512 * 2 ** 20;
const kMega = 1e6;

export const cases = (workshop) => kNets.map((net) => ({
  name: `models/${net}`,
  async run() {
    const model = workshop.net(net);
    const frozen = path.join(workshop.result(net, 'exact'), 'saved_model.pb');
    const ours = whittle(['optimize', model, '--form', 'frozen', '--preset', 'int8', '--workers', '2', '--no-verify'], workshop.place(`${net}-run`));
    const copied = workshop.place(`${net}-copy`);
    const copy = { prepare: () => rmSync(copied, { force: true }), run: () => run_measured(path.join(programs, 'whittle_copy'), [copied, frozen]) };
    const [run, bytes] = await in_turn([ours, copy], kRounds);
    rmSync(copied);

    const graph = workshop.place(`${net}-tensorflow.pb`);
    const python = workshop.python();
    const theirs = { run: () => run_measured(python, ['tools/bench/freeze_tf.py', model, graph]) };
    const [beside, tensorflow] = await in_turn([ours, theirs], kTensorFlowRounds);
    rmSync(graph);

    const json = workshop.place(`${net}.json`);
    const output = workshop.place(`${net}-verified`);
    const verified = [];
    for (let round = 0; round < kVerifiedRounds; round++) {
      rmSync(output, { recursive: true, force: true });
      const { seconds } = await run_measured(process.execPath, ['tools/bench/optimize.mjs', model, output, json, 'int8', '2', 'verify']);
      verified.push({ seconds, heap: JSON.parse(readFileSync(json, 'utf8')).heap_bytes });
    }
    for (const place of [json, output]) rmSync(place, { recursive: true, force: true });
    return [
      row(`models/${net}, against a copy`, 's', run.seconds,
        { baseline: bytes.seconds, must: 'value <=', bound: kStart + 2 * bytes.seconds }),
      row(`models/${net}, times faster than TensorFlow`, 's', beside.seconds,
        { baseline: tensorflow.seconds, ratio: tensorflow.seconds / beside.seconds, must: 'ratio >=', bound: 15 }),
      row(`models/${net}, peak memory against TensorFlow`, 'MB', Math.max(run.peak_bytes, beside.peak_bytes) / kMega,
        { baseline: tensorflow.peak_bytes / kMega, must: 'ratio <=', bound: kMemory[net] }),
      shown(`models/${net}, with verifying`, 's', median(verified.map((one) => one.seconds)), run.seconds),
      row(`models/${net}, wasm heap with verifying`, 'MB', Math.max(...verified.map((one) => one.heap)) / kMega,
        { must: 'value <=', bound: kVerifiedHeap / kMega }),
    ];
  },
}));
