// Preset float on graphs of many nodes and few bytes: how planning grows. Timed in a fresh process from optimize() to its
// end, in the module as users get it; the start of Node and of the module is not in it.
import { readFileSync, rmSync } from 'node:fs';

import { in_turn, run_measured } from './measure.mjs';
import { row, shown } from './rows.mjs';

export const name = 'graphs';

const kRounds = 5;
const kSizes = [1_000, 10_000, 20_000, 100_000];
const kBound = { 20_000: 1.0 };
// Five times the nodes may take this many times as long.
const kLinear = 6;

export const cases = (workshop) => {
  const seconds = new Map();
  return kSizes.map((nodes) => ({
    name: `graphs/${nodes}`,
    async run() {
      const model = workshop.layered(nodes);
      const json = workshop.place('graphs.json');
      const output = workshop.place('graphs');
      const side = {
        prepare: () => rmSync(output, { recursive: true, force: true }),
        async run() {
          const { peak_bytes } = await run_measured(process.execPath, ['tools/bench/optimize.mjs', model, output, json, 'float', '2']);
          return { seconds: JSON.parse(readFileSync(json, 'utf8')).seconds, peak_bytes };
        },
      };
      const [found] = await in_turn([side], kRounds);
      seconds.set(nodes, found.seconds);
      rmSync(json);
      rmSync(output, { recursive: true, force: true });
      const title = `graphs/${nodes} nodes`;
      const smaller = seconds.get(nodes / 5);
      return [
        kBound[nodes] ? row(title, 's', found.seconds, { must: 'value <=', bound: kBound[nodes] }) : shown(title, 's', found.seconds),
        ...(smaller ? [row(`${title}, against ${nodes / 5}`, 's', found.seconds, { baseline: smaller, must: 'ratio <=', bound: kLinear })] : []),
      ];
    },
  }));
};
