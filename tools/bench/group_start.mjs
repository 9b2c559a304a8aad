// What a user of the result waits for: loading and the first answer in TensorFlow, each in a process of its own, the import of
// TensorFlow not counted. Beside each: the original. Only shown.
import { readFileSync, rmSync } from 'node:fs';

import { in_turn, run_measured } from './measure.mjs';
import { shown } from './rows.mjs';

export const name = 'start';

const kRounds = 3;

export const cases = (workshop) => ['mobilenetv2', 'resnet50'].map((net) => ({
  name: `start/${net}`,
  async run() {
    const python = workshop.python();
    const models = { original: workshop.net(net), 'float, frozen': workshop.result(net, 'float'), int8: workshop.result(net, 'int8') };
    const json = workshop.place(`${net}-start.json`);
    const sides = Object.values(models).map((model) => ({
      async run() {
        const { peak_bytes } = await run_measured(python, ['tools/bench/start_tf.py', model, json]);
        const { load, first } = JSON.parse(readFileSync(json, 'utf8'));
        return { seconds: load + first, peak_bytes };
      },
    }));
    const found = await in_turn(sides, kRounds);
    rmSync(json);
    return Object.keys(models).map((title, i) => shown(`start/${net}, ${title}`, 's', found[i].seconds, i === 0 ? null : found[0].seconds));
  },
}));
