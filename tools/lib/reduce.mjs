// reduce.mjs: finds a small part of a model on which a command still fails; tools/reduce says how it is called.
//
// 1. The model is frozen (preset exact) into one graph.
// 2. The end: the earliest node whose value alone, as the output, still makes the command fail.
// 3. The start: the latest cut through the nodes before it whose values, as inputs, still do.
//
// Both are found by bisection over the order of execution, so about 2 log2(nodes) runs. What bisection assumes (that a
// failure at a node is one at all later ones) need not hold; every step is checked, so the result always fails.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const whittle = path.join(root, 'wasm/bin/whittle.mjs');
const MOST_INPUTS = 16;

// ---- the graph's nodes, from the few fields that matter ---------------------------------------------------------------

function* fields(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0, scale = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('the graph is cut short');
      value += (byte & 127) * scale;
      if (byte < 128) return value;
      scale *= 128;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const wire = tag & 7;
    let value;
    if (wire === 0) value = varint();
    else if (wire === 2) { const size = varint(); value = bytes.subarray(at, at + size); at += size; }
    else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else throw new Error(`wire type ${wire}`);
    yield [Math.floor(tag / 8), value];
  }
}

// [{name, op, inputs: [{node, slot}]}] in the order of the file, which our writer makes one of execution.
export function readNodes(graph) {
  const nodes = [];
  for (const [field, value] of fields(graph)) {
    if (field !== 1) continue;
    const node = { name: '', op: '', inputs: [] };
    for (const [inner, bytes] of fields(value)) {
      if (inner === 1) node.name = bytes.toString();
      if (inner === 2) node.op = bytes.toString();
      if (inner === 3 && bytes[0] !== 94) {  // '^'
        const [name, slot] = bytes.toString().split(':');
        node.inputs.push({ node: name, slot: Number(slot ?? 0) });
      }
    }
    nodes.push(node);
  }
  return nodes;
}

const tensor = ({ node, slot }) => (slot === 0 ? node : `${node}:${slot}`);

// Values that the first `cut` of `nodes` give to the others; constants are no inputs.
export function crossing(nodes, cut) {
  const before = new Map(nodes.slice(0, cut).map((node) => [node.name, node]));
  const values = new Set();
  for (const node of nodes.slice(cut)) {
    for (const input of node.inputs) {
      const from = before.get(input.node);
      if (from && from.op !== 'Const') values.add(tensor(input));
    }
  }
  return [...values];
}

// The smallest index in [low, high] for which `fails`; it is known to fail at `high`.
export function earliest(low, high, fails) {
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fails(middle)) high = middle;
    else low = middle + 1;
  }
  return high;
}

// ---- the command line -------------------------------------------------------------------------------------------------

function usage(sentence) {
  process.stderr.write(`tools/reduce: ${sentence}\nusage: tools/reduce MODEL -o OUT.pb [--inputs X,Y] [--outputs Z] -- COMMAND…\n`);
  process.exit(2);
}

function parse(words) {
  const split = words.indexOf('--');
  if (split < 0 || split === words.length - 1) usage('the command is missing');
  const options = { command: words.slice(split + 1) };
  for (let at = 0; at < split; ++at) {
    if (words[at] === '-o') options.out = words[++at];
    else if (words[at] === '--inputs') options.inputs = words[++at];
    else if (words[at] === '--outputs') options.outputs = words[++at];
    else if (!options.model) options.model = words[at];
    else usage(`what is ${words[at]}?`);
  }
  if (!options.model || !options.out?.endsWith('.pb')) usage('a model and -o OUT.pb are needed');
  return options;
}

function optimize(model, out, more) {
  const run = spawnSync(process.execPath, [whittle, 'optimize', model, '-o', out, '--force', '--json', '--no-verify', ...more],
    { encoding: 'utf8', maxBuffer: 1 << 28 });
  return run.status === 0 ? JSON.parse(run.stdout) : { error: run.stderr.trim() };
}

function main(options) {
  const work = mkdtempSync(path.join(tmpdir(), 'whittle-reduce-'));
  try {
    let runs = 0;
    const exitCode = (graph, inputs, outputs) => {
      ++runs;
      const words = options.command.map((word) => word.replaceAll('{}', graph).replaceAll('{inputs}', inputs.join()).replaceAll('{outputs}', outputs.join()));
      const run = spawnSync(words[0], words.slice(1), { stdio: 'ignore' });
      if (run.error) usage(`${words[0]}: ${run.error.message}`);
      return run.status ?? 128;
    };

    const whole = path.join(work, 'whole.pb');
    const ends = [...(options.inputs === undefined ? [] : ['--inputs', options.inputs]), ...(options.outputs ? ['--outputs', options.outputs] : [])];
    const report = optimize(options.model, whole, ['--preset', 'exact', '--format', 'graph_def', ...ends]);
    if (report.error) throw new Error(`the model cannot be frozen: ${report.error}`);
    const names = (list) => [...new Set(report.signatures.flatMap((signature) => signature[list].map(({ name }) => name.replace(/:0$/, ''))))];
    let inputs = names('inputs'), outputs = names('outputs');
    const wanted = exitCode(whole, inputs, outputs);
    if (wanted === 0) throw new Error('the command does not fail on the frozen model');

    let nodes = readNodes(readFileSync(whole));
    let best = whole, count = 0;
    process.stderr.write(`${nodes.length} nodes, exit code ${wanted}\n`);
    // A candidate with these ends; kept when the command fails on it in the same way.
    const attempt = (from, to) => {
      const graph = path.join(work, `${++count}.pb`);
      const cut = optimize(best, graph, ['--transforms', 'strip_unused_nodes', '--inputs', from.join(), '--outputs', to.join()]);
      return !cut.error && exitCode(graph, from, to) === wanted ? graph : null;
    };

    // The end.
    const places = nodes.map((node, index) => [node, index]).filter(([node]) => !['Const', 'NoOp', 'Placeholder'].includes(node.op)).map(([, index]) => index);
    const upstream = (target) => {
      const byName = new Map(nodes.map((node) => [node.name, node]));
      const seen = new Set(), todo = [target];
      while (todo.length > 0) {
        const name = todo.pop();
        if (seen.has(name)) continue;
        seen.add(name);
        for (const input of byName.get(name)?.inputs ?? []) todo.push(input.node);
      }
      return seen;
    };
    const endAt = (index) => {
      const { name } = nodes[places[index]];
      const reached = upstream(name);
      const from = inputs.filter((input) => reached.has(input.split(':')[0]));
      const graph = attempt(from, [name]);
      return graph && { graph, from, to: [name] };
    };
    let found = null;
    earliest(0, places.length, (index) => {
      const cut = index < places.length ? endAt(index) : true;
      if (cut && cut !== true) found = cut;
      return Boolean(cut);
    });
    if (found) {
      ({ graph: best, from: inputs, to: outputs } = found);
      nodes = readNodes(readFileSync(best));
      process.stderr.write(`${nodes.length} nodes, ending at ${outputs}\n`);
    }

    // The start: as few nodes as possible behind the cut.
    found = null;
    const last = nodes.length - 1;
    earliest(0, last, (kept) => {
      const from = crossing(nodes, last - kept);
      if (from.length === 0 || from.length > MOST_INPUTS) return false;
      const graph = attempt(from, outputs);
      if (graph) found = { graph, from };
      return Boolean(graph);
    });
    if (found) {
      ({ graph: best, from: inputs } = found);
      nodes = readNodes(readFileSync(best));
    }
    copyFileSync(best, options.out);
    process.stdout.write(`${options.out}: ${nodes.length} nodes after ${runs} runs, --inputs ${inputs} --outputs ${outputs}\n`);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    main(parse(process.argv.slice(2)));
  } catch (thrown) {
    process.stderr.write(`error: ${thrown.message}\n`);
    process.exitCode = 1;
  }
}
