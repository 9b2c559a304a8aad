// Whole models as int8 in Node with two workers: seconds from process start, and the largest resident set.
//
// Against a copy: at most 0.35 s (Node and the module start) and twice what whittle_copy needs for the same weights. What is
// copied is the model as one frozen graph, so that variables which nobody reads do not count: Keras 3 stores each weight
// twice, and Whittle reads one of them. Against TensorFlow: freeze_tf.py.
import { rmSync } from 'node:fs';
import path from 'node:path';

import { in_turn, programs, run_measured, whittle } from './measure.mjs';
import { row } from './rows.mjs';
import { kNets } from './workshop.mjs';

export const name = 'models';

const kRounds = 7;
const kTensorFlowRounds = 3;
const kStart = 0.35;
const kMemory = { mobilenetv2: 1 / 4, resnet50: 1 / 6, 'bert-base-like': 1 / 10 };
const kMega = 1e6;

export const cases = (workshop) => kNets.map((net) => ({
  name: `models/${net}`,
  async run() {
    const model = workshop.net(net);
    const frozen = path.join(workshop.result(net, 'exact'), 'saved_model.pb');
    const ours = whittle(['optimize', model, '--form', 'frozen', '--preset', 'int8', '--workers', '2'], workshop.place(`${net}-run`));
    const copied = workshop.place(`${net}-copy`);
    const copy = { prepare: () => rmSync(copied, { force: true }), run: () => run_measured(path.join(programs, 'whittle_copy'), [copied, frozen]) };
    const [run, bytes] = await in_turn([ours, copy], kRounds);
    rmSync(copied);

    const graph = workshop.place(`${net}-tensorflow.pb`);
    const python = workshop.python();
    const theirs = { run: () => run_measured(python, ['tools/bench/freeze_tf.py', model, graph]) };
    const [beside, tensorflow] = await in_turn([ours, theirs], kTensorFlowRounds);
    rmSync(graph);
    return [
      row(`models/${net}, against a copy`, 's', run.seconds,
        { baseline: bytes.seconds, must: 'value <=', bound: kStart + 2 * bytes.seconds }),
      row(`models/${net}, times faster than TensorFlow`, 's', beside.seconds,
        { baseline: tensorflow.seconds, ratio: tensorflow.seconds / beside.seconds, must: 'ratio >=', bound: 15 }),
      row(`models/${net}, peak memory against TensorFlow`, 'MB', Math.max(run.peak_bytes, beside.peak_bytes) / kMega,
        { baseline: tensorflow.peak_bytes / kMega, must: 'ratio <=', bound: kMemory[net] }),
    ];
  },
}));
