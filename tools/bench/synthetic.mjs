// synthetic.mjs: SavedModels made for the bench, without TensorFlow, which can load and run them.
//
//   write_large(folder, {count, side})   x -> MatMul(w0) -> … -> y; `count` variables [side, side], as TF1 wrote them
//   write_layered(folder, nodes)         x -> layers of ten nodes -> y; small constants, no variables
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { random_floats, write_bundle } from './bundle.mjs';
import { map, message } from './proto.mjs';

export const kLarge = {
  '2-gb-of-64-mib': { count: 32, side: 4096 },
  'two-of-900-mb': { count: 2, side: 15000 },
};

const kFloat = 1;
const kString = 7;
const kResource = 20;

const type = (number) => message([6, number]);
const dimensions = (sizes) => message(...sizes.map((n) => [2, message([1, n])]));
const shape = (sizes) => message([7, dimensions(sizes)]);
const types = (numbers) => message([1, message(...numbers.map((n) => [6, n]))]);
const tensor = (dtype, sizes, ...values) => message([8, message([1, dtype], [2, dimensions(sizes)], ...values)]);
const strings = (list, sizes = [list.length]) => tensor(kString, sizes, ...list.map((s) => [8, s]));
const floats = (values, sizes) => tensor(kFloat, sizes, [4, Buffer.from(values.buffer)]);

const node = (name, op, inputs, attrs = {}) =>
  message([1, message([1, name], [2, op], ...inputs.map((input) => [3, input]), ...map(5, attrs))]);
const constant = (name, dtype, value) => node(name, 'Const', [], { dtype: type(dtype), value });

function write(folder, { nodes, output, width, saver }) {
  const endpoint = (name) => message([1, `${name}:0`], [2, kFloat], [3, dimensions([-1, width])]);
  const signature = message(...map(1, { x: endpoint('x') }), ...map(2, { y: endpoint(output) }), [3, 'tensorflow/serving/predict']);
  const meta = message(
    [1, message([4, 'serve'], [5, '1.15.5'])],
    [2, Buffer.concat([...nodes, message([4, message([1, 134])])])],
    ...(saver ? [[3, saver]] : []),
    ...map(5, { serving_default: signature }));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'saved_model.pb'), message([1, 1], [2, meta]));
}

export function write_large(folder, { count, side }) {
  const names = Array.from({ length: count }, (_, i) => `w${i}`);
  const nodes = [node('x', 'Placeholder', [], { dtype: type(kFloat), shape: shape([-1, side]) })];
  let value = 'x';
  for (const name of names) {
    nodes.push(
      node(name, 'VarHandleOp', [], { dtype: type(kFloat), shape: shape([side, side]), shared_name: message([2, name]), container: message([2, '']) }),
      node(`${name}/read`, 'ReadVariableOp', [name], { dtype: type(kFloat) }),
      node(`${name}/product`, 'MatMul', [value, `${name}/read`], { T: type(kFloat), transpose_a: message([5, false]), transpose_b: message([5, false]) }));
    value = `${name}/product`;
  }
  nodes.push(
    constant('save/Const', kString, strings(['model'], [])),
    constant('save/names', kString, strings(names)),
    constant('save/slices', kString, strings(names.map(() => ''))),
    node('save/RestoreV2', 'RestoreV2', ['save/Const', 'save/names', 'save/slices'], { dtypes: types(names.map(() => kFloat)) }),
    ...names.map((name, i) => node(`save/assign_${name}`, 'AssignVariableOp', [name, i === 0 ? 'save/RestoreV2' : `save/RestoreV2:${i}`], { dtype: type(kFloat) })),
    node('save/restore_all', 'NoOp', names.map((name) => `^save/assign_${name}`)));
  const saver = message([1, 'save/Const:0'], [2, 'save/Const:0'], [3, 'save/restore_all'], [7, 2]);
  write(folder, { nodes, output: value, width: side, saver });
  mkdirSync(path.join(folder, 'variables'), { recursive: true });
  write_bundle(path.join(folder, 'variables/variables'), names.map((name) => ({ name, shape: [side, side] })));
}

// A layer is what planning finds in real graphs: a weight behind an Identity, a product that is scaled like a batch norm, a
// bias that is computed from constants, an activation.
export function write_layered(folder, count) {
  const width = 4;
  const nodes = [node('x', 'Placeholder', [], { dtype: type(kFloat), shape: shape([-1, width]) })];
  const T = type(kFloat);
  let value = 'x';
  for (let i = 0; i < count / 10; i++) {
    const at = (name) => `layer${i}/${name}`;
    const values = random_floats(width * width + 3 * width, i + 1);
    const part = (from, n) => values.slice(from, from + n);
    nodes.push(
      constant(at('weight'), kFloat, floats(part(0, 16), [width, width])),
      node(at('weight/read'), 'Identity', [at('weight')], { T }),
      node(at('product'), 'MatMul', [value, at('weight/read')], { T, transpose_a: message([5, false]), transpose_b: message([5, false]) }),
      constant(at('scale'), kFloat, floats(part(16, 4), [width])),
      node(at('scaled'), 'Mul', [at('product'), at('scale')], { T }),
      constant(at('beta'), kFloat, floats(part(20, 4), [width])),
      constant(at('mean'), kFloat, floats(part(24, 4), [width])),
      node(at('bias'), 'Sub', [at('beta'), at('mean')], { T }),
      node(at('sum'), 'AddV2', [at('scaled'), at('bias')], { T }),
      node(at('relu'), 'Relu', [at('sum')], { T }));
    value = at('relu');
  }
  write(folder, { nodes, output: value, width });
}
