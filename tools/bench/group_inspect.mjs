// `whittle inspect` reads names and sizes, never weights: from process start.
import { in_turn, whittle } from './measure.mjs';
import { row } from './rows.mjs';
import { kLargeNames, kNets } from './workshop.mjs';

export const name = 'inspect';

const kRounds = 5;
const kBound = 0.5;

export const cases = (workshop) => [...kNets, ...kLargeNames].map((model) => ({
  name: `inspect/${model}`,
  async run() {
    const folder = kNets.includes(model) ? workshop.net(model) : workshop.large(model);
    const [{ seconds }] = await in_turn([whittle(['inspect', folder])], kRounds);
    return [row(`inspect/${model}`, 's', seconds, { must: 'value <=', bound: kBound })];
  },
}));
