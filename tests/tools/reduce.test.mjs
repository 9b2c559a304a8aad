// What tools/reduce decides by; that it works on a model is in tests/wasm/commands.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crossing, earliest, readNodes } from '../../tools/lib/reduce.mjs';

const field = (number, bytes) => Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
const node = (name, op, ...inputs) => field(1, Buffer.concat([field(1, Buffer.from(name)), field(2, Buffer.from(op)), ...inputs.map((input) => field(3, Buffer.from(input)))]));
const graph = Buffer.concat([node('x', 'Placeholder'), node('w', 'Const'), node('split', 'Split', 'w', 'x'), node('y', 'Add', 'split:1', 'w', '^x')]);

test('nodes are read with their inputs; control inputs carry nothing', () => {
  const nodes = readNodes(graph);
  assert.deepEqual(nodes.map(({ name }) => name), ['x', 'w', 'split', 'y']);
  assert.deepEqual(nodes[3].inputs, [{ node: 'split', slot: 1 }, { node: 'w', slot: 0 }]);
  assert.throws(() => readNodes(Buffer.concat([graph, Buffer.from([0xff])])), /cut short/);
});

test('values that cross a cut, without constants', () => {
  const nodes = readNodes(graph);
  assert.deepEqual(crossing(nodes, 3), ['split:1']);
  assert.deepEqual(crossing(nodes, 2), ['x']);
  assert.deepEqual(crossing(nodes, 0), []);
});

test('the earliest failing index, in few runs', () => {
  for (let first = 0; first <= 20; ++first) {
    let runs = 0;
    assert.equal(earliest(0, 20, (k) => { ++runs; return k >= first; }), first);
    assert.ok(runs <= 5);
  }
});
