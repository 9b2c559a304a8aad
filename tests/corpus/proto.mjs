// proto.mjs: just enough protobuf to write small hostile models by hand; field numbers are TensorFlow's.

export function varint(value) {
  const out = [];
  let v = BigInt.asUintN(64, BigInt(value));
  for (; v >= 128n; v >>= 7n) out.push(Number(v & 127n) | 128);
  out.push(Number(v));
  return Buffer.from(out);
}

// number → varint field, string/Buffer → length-delimited field
export function field(number, value) {
  if (typeof value === 'number' || typeof value === 'bigint') return Buffer.concat([varint(number << 3), varint(value)]);
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}
export const message = (...fields) => Buffer.concat(fields);

export const kFloat = 1, kInt32 = 3, kString = 7;

export const shape = (...dims) => message(...dims.map((d) => field(2, field(1, d))));
export const attr = (name, value) => field(5, message(field(1, name), field(2, value)));
export const type = (t) => field(6, t);
export const func = (name) => field(10, field(1, name));
export const types = (...list) => field(1, message(...list.map((t) => field(6, t))));

export function node(name, op, inputs = [], ...attrs) {
  return field(1, message(field(1, name), field(2, op), ...inputs.map((i) => field(3, i)), ...attrs));
}
export const tensor = (dtype, dims, ...content) => field(8, message(field(1, dtype), field(2, shape(...dims)), ...content));
export function constant(name, dtype, dims, ...content) {
  return node(name, 'Const', [], attr('dtype', type(dtype)), attr('value', tensor(dtype, dims, ...content)));
}
export const placeholder = (name) => node(name, 'Placeholder', [], attr('dtype', type(kFloat)));
export const identity = (name, input) => node(name, 'Identity', [input], attr('T', type(kFloat)));

// A function x → y of the given body nodes (NodeDefs without their field number).
export function functionDef(name, body, ret) {
  const arg = (number, text) => field(number, message(field(1, text), field(3, kFloat)));
  return field(1, message(field(1, message(field(1, name), arg(2, 'x'), arg(3, 'y'))), ...body.map((n) => field(3, n)),
    field(4, message(field(1, 'y'), field(2, ret)))));
}
export const bodyNode = (name, op, inputs, ...attrs) => message(field(1, name), field(2, op), ...inputs.map((i) => field(3, i)), ...attrs);

const info = (name) => message(field(1, name), field(2, kFloat), field(3, shape()));
const endpoint = (number, key, name) => field(number, message(field(1, key), field(2, info(name))));
export function signature(input, output) {
  return field(5, message(field(1, 'serving_default'),
    field(2, message(endpoint(1, 'x', input), endpoint(2, 'y', output), field(3, 'tensorflow/serving/predict')))));
}

// nodes, library functions, further MetaGraphDef fields
export function savedModel({ nodes, functions = [], extra = [signature('x:0', 'y:0')], tags = ['serve'] }) {
  const graph = message(...nodes, ...(functions.length ? [field(2, message(...functions))] : []));
  const metaInfo = message(...tags.map((t) => field(4, t)));
  return message(field(1, 1), field(2, message(field(1, metaInfo), field(2, graph), ...extra)));
}
