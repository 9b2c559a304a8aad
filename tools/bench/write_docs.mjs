// write_docs.mjs: docs/benchmarks.json, and docs/benchmarks.md out of it.
import { writeFileSync } from 'node:fs';
import path from 'node:path';

import { root } from './measure.mjs';
import { markdown_table } from './rows.mjs';

const kAbout = {
  kernels: 'Inner loops as wasm under Node, one thread, against `memcpy` of the same input in the same run; best of 20.',
  models: `\`whittle optimize --form frozen --preset int8 --workers 2 --no-verify\` on Node, from process start to exit. Beside it a small native program that
reads and writes the bytes of the model as a frozen graph in blocks of 8 MB and takes their CRC-32C; the bound is 0.35 s for the start of
Node and the module, and twice that copy. Then a Python script that loads the model in TensorFlow, freezes it with
\`convert_variables_to_constants_v2\` and saves the graph. Memory is the largest resident set. Medians of 7, and of 3 beside TensorFlow.
"With verifying" is the same as users get it: original and result run in Whittle's evaluator before anything is written.`,
  start: '`tf.saved_model.load` and the first answer in a fresh process, without the import of TensorFlow; the ratio is to the original. Medians of 3.',
  big: 'Generated models with weights of pseudo-random bytes: 32 tensors of 64 MiB, and two of 900 MB, as int8 with two workers. Largest of 2 runs.',
  inspect: '`whittle inspect` on Node, from process start to exit. Medians of 5.',
  graphs: 'Preset `float` on generated graphs, from `optimize()` to its end in a fresh process. Medians of 5.',
};

export function write_docs(document) {
  const { date, commit, command, machine, rows } = document;
  const json = JSON.stringify({ ...document, rows: [] }, null, 2).replace(
    '"rows": []', `"rows": [\n${rows.map((one) => `    ${JSON.stringify(one)}`).join(',\n')}\n  ]`);
  writeFileSync(path.join(root, 'docs/benchmarks.json'), `${json}\n`);

  const bounds = rows.filter((one) => one.must !== null);
  const missed = bounds.filter((one) => !one.ok);
  const groups = [...new Set(rows.map((one) => one.name.split('/')[0]))];
  const text = `# Benchmarks

Written by \`${command}\` on ${date} from commit ${commit}; the same rows are in [benchmarks.json](benchmarks.json).

${machine.cpu}, ${machine.cores} cores, ${machine.memory_gb} GB, ${machine.system}, Node ${machine.node}, load ${machine.load} as it began. Files lie in the
page cache. What is compared runs in turn in the same run, after one round that does not count. A ratio is the value by what stands beside
it; in rows that say "times faster" it is the other way round.

${bounds.length - missed.length} of ${bounds.length} bounds held${missed.length > 0 ? `; missed: ${missed.map((one) => one.name).join('; ')}` : ''}.
${groups.map((group) => `\n## ${group}\n\n${kAbout[group] ?? ''}\n\n${markdown_table(rows.filter((one) => one.name.startsWith(`${group}/`)))}\n`).join('')}`;
  writeFileSync(path.join(root, 'docs/benchmarks.md'), text);
}
