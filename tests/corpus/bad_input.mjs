// bad_input.mjs: broken and hostile inputs. Each must give one clear error (code, sentence, place), the same from both
// commands, and leave nothing behind.
//
// A case makes its input in an empty folder and says what to expect: [code, place or sentence part].
import { cp, mkdir, readFile, writeFile, rm, truncate } from 'node:fs/promises';
import path from 'node:path';

import * as p from './proto.mjs';

const { node, placeholder, identity, constant, field, message, attr, type } = p;
const fine = [placeholder('x'), identity('y', 'x')];

const savedModel = (parts) => async (to) => {
  await writeFile(path.join(to, 'saved_model.pb'), p.savedModel(parts));
};
const bytes = (name, content) => async (to) => { await writeFile(path.join(to, name), content); };

// A copy of a corpus model, changed.
const changed = (model, change) => async (to, corpus) => {
  await cp(path.join(corpus, model), to, { recursive: true });
  await change(to);
};
const edit = (file, change) => async (to) => {
  const name = path.join(to, file);
  await writeFile(name, change(await readFile(name)));
};
const flip = (at) => (b) => { b[at < 0 ? b.length + at : at] ^= 0xff; return b; };
const cut = (keep) => (b) => b.subarray(0, keep < 0 ? b.length + keep : keep);
const INDEX = 'variables/variables.index', DATA = 'variables/variables.data-00000-of-00001';

export const cases = [
  // --- what is it
  ['an empty folder', async () => {}, 'not_found|invalid_argument', 'empty'],
  ['a folder of other files', bytes('notes.txt', 'hello'), 'not_found|invalid_argument|unsupported', 'saved_model.pb'],
  ['a Keras .h5 file', bytes('model.h5', Buffer.from('\x89HDF\r\n\x1a\n0000', 'latin1')), 'unsupported', 'HDF5|h5'],
  ['a .tflite file', bytes('model.tflite', Buffer.from('\x1c\0\0\0TFL3aaaaaaaa', 'latin1')), 'unsupported', 'TensorFlow Lite|tflite|TFLite'],
  ['an .onnx file', bytes('model.onnx', Buffer.from('\x08\x07\x12\x07pytorch', 'latin1')), 'unsupported', 'ONNX|onnx'],
  ['a zip under another name', bytes('model.pb', Buffer.from('PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaa', 'latin1')), 'unsupported|corrupt', 'zip|model.pb'],
  ['a chunked SavedModel', bytes('saved_model.cpb', 'x'), 'unsupported', 'experimental_image_format'],
  ['two versions', async (to) => {
    for (const v of ['1', '2']) {
      await mkdir(path.join(to, v));
      await savedModel({ nodes: fine })(path.join(to, v));
    }
  }, 'invalid_argument', '1.*2'],
  // --- saved_model.pb
  ['an empty saved_model.pb', bytes('saved_model.pb', ''), 'corrupt|invalid_argument|not_found', 'saved_model.pb|MetaGraph|meta graph'],
  ['garbage', bytes('saved_model.pb', Buffer.alloc(1000, 0xff)), 'corrupt', 'saved_model.pb'],
  ['a truncated pb', changed('v2-nested-functions', edit('saved_model.pb', cut(5000))), 'corrupt', 'saved_model.pb'],
  ['a pb cut by one byte', changed('v2-keras-export', edit('saved_model.pb', cut(-1))), 'corrupt', 'saved_model.pb'],
  ['a length beyond the file', bytes('saved_model.pb', Buffer.from([0x12, 0xff, 0xff, 0xff, 0xff, 0x07])), 'corrupt', 'saved_model.pb'],
  ['a varint of eleven bytes', bytes('saved_model.pb', Buffer.concat([Buffer.from([0x12]), Buffer.alloc(11, 0xff)])), 'corrupt', 'saved_model.pb'],
  ['no signature', savedModel({ nodes: fine, extra: [] }), 'invalid_argument', 'signature'],
  ['unknown tags', savedModel({ nodes: fine }), 'not_found', 'serve', ['--tags', 'gpu']],
  ['an unknown signature', savedModel({ nodes: fine }), 'not_found', 'serving_default', ['--signatures', 'nope']],
  ['a node to fetch that is not there', savedModel({ nodes: fine }), 'not_found|invalid_argument', 'nope', ['--inputs', 'x', '--outputs', 'nope']],
  ['duplicate node names', savedModel({ nodes: [...fine, placeholder('x')] }), 'corrupt|invalid_argument', 'x'],
  ['an input that is not there', savedModel({ nodes: [placeholder('x'), identity('y', 'nowhere')] }), 'corrupt|invalid_argument', 'node y'],
  ['a port that is not there', savedModel({ nodes: [placeholder('x'), identity('y', 'x:7')] }), 'corrupt|invalid_argument', 'node y'],
  ['a control input before a data input', savedModel({ nodes: [placeholder('x'), placeholder('z'), identity('y', '^z'), node('w', 'Identity', ['^z', 'x'], attr('T', type(1)))], extra: [p.signature('x:0', 'w:0')] }), 'corrupt|invalid_argument', 'node w'],
  ['an empty op', savedModel({ nodes: [...fine, node('z', '')] }), 'corrupt|invalid_argument', 'node z'],
  ['an empty name', savedModel({ nodes: [...fine, node('', 'NoOp')] }), 'corrupt|invalid_argument', 'saved_model.pb|node'],
  ['a cycle', savedModel({ nodes: [placeholder('x'), identity('a', 'b'), identity('b', 'a'), identity('y', 'a')] }), 'corrupt|invalid_argument', 'cycle'],
  ['a signature of a missing tensor', savedModel({ nodes: fine, extra: [p.signature('x:0', 'gone:0')] }), 'corrupt|not_found|invalid_argument', 'gone'],
  ['a Const without a value', savedModel({ nodes: [placeholder('x'), node('y', 'Const', [], attr('dtype', type(1)))] }), 'corrupt|invalid_argument', 'node y'],
  ['a Const of a huge shape', savedModel({ nodes: [placeholder('x'), constant('y', 1, [2 ** 31, 2 ** 31, 4])] }), 'corrupt', 'node y'],
  ['a Const of negative shape', savedModel({ nodes: [placeholder('x'), constant('y', 1, [-5n])] }), 'corrupt', 'node y'],
  ['a Const of a short tensor_content', savedModel({ nodes: [placeholder('x'), constant('y', 1, [4], field(4, 'abc'))] }), 'corrupt', 'node y'],
  ['a Const of an unknown dtype', savedModel({ nodes: [placeholder('x'), constant('y', 77, [0])] }), 'corrupt', 'node y'],
  ['a Const of a reference dtype', savedModel({ nodes: [placeholder('x'), constant('y', 101, [0])] }), 'corrupt', 'node y'],
  ['a function that calls itself', savedModel({
    nodes: [placeholder('x'), node('y', 'f', ['x'])],
    functions: [p.functionDef('f', [p.bodyNode('c', 'f', ['x'])], 'c:y:0')],
  }), 'invalid_argument|corrupt', 'calls itself'],
  ['two functions that call each other', savedModel({
    nodes: [placeholder('x'), node('y', 'PartitionedCall', ['x'], attr('Tin', p.types(1)), attr('Tout', p.types(1)), attr('f', p.func('f')))],
    functions: [p.functionDef('f', [p.bodyNode('c', 'g', ['x'])], 'c:y:0'), p.functionDef('g', [p.bodyNode('c', 'f', ['x'])], 'c:y:0')],
  }), 'invalid_argument|corrupt', 'calls itself'],
  ['a function that is not there', savedModel({
    nodes: [placeholder('x'), node('y', 'PartitionedCall', ['x'], attr('Tin', p.types(1)), attr('Tout', p.types(1)), attr('f', p.func('gone')))],
  }), 'not_found|corrupt', 'gone'],
  ['a call with too many inputs', savedModel({
    nodes: [placeholder('x'), node('y', 'PartitionedCall', ['x', 'x'], attr('Tin', p.types(1, 1)), attr('Tout', p.types(1)), attr('f', p.func('f')))],
    functions: [p.functionDef('f', [], 'x')],
  }), 'invalid_argument|corrupt', 'node y'],
  ['functions that double thirty times', savedModel({
    nodes: [placeholder('x'), node('y', 'f0', ['x'])],
    functions: Array.from({ length: 30 }, (_, k) => p.functionDef(`f${k}`, k === 29
      ? [p.bodyNode('c', 'Identity', ['x'], attr('T', type(1)))]
      : [p.bodyNode('a', `f${k + 1}`, ['x']), p.bodyNode('c', `f${k + 1}`, ['a:y:0'])], k === 29 ? 'c:output:0' : 'c:y:0')),
  }), 'limit', 'inlining|nodes'],
  ['an asset outside of the folder', savedModel({
    nodes: [...fine, constant('a', 7, [], field(8, 'a'))],
    extra: [p.signature('x:0', 'y:0'), field(6, message(field(1, field(1, 'a:0')), field(2, '../../etc/passwd')))],
  }), 'corrupt', 'asset|etc/passwd'],
  ['an asset with an absolute path', savedModel({
    nodes: [...fine, constant('a', 7, [], field(8, 'a'))],
    extra: [p.signature('x:0', 'y:0'), field(6, message(field(1, field(1, 'a:0')), field(2, '/etc/passwd')))],
  }), 'corrupt', 'asset|etc/passwd'],
  // --- variables
  ['no index', changed('v2-keras-export', (to) => rm(path.join(to, INDEX))), 'not_found', 'variables.index'],
  ['no data file', changed('v2-keras-export', (to) => rm(path.join(to, DATA))), 'not_found|corrupt|io', 'variables.data-00000'],
  ['a missing shard', changed('v1-partitioned-two-shards', (to) => rm(path.join(to, 'variables/variables.data-00001-of-00002'))), 'not_found|corrupt|io', 'variables.data-00001'],
  ['an index without its footer', changed('v2-keras-export', edit(INDEX, cut(-8))), 'corrupt', 'variables.index'],
  ['an empty index', changed('v2-keras-export', edit(INDEX, cut(0))), 'corrupt', 'variables.index'],
  ['a flipped magic number', changed('v2-keras-export', edit(INDEX, flip(-1))), 'corrupt', 'variables.index'],
  ['a flipped byte in the index', changed('v2-keras-export', edit(INDEX, flip(20))), 'corrupt', 'variables.index'],
  ['a flipped byte in the footer', changed('v2-keras-export', edit(INDEX, flip(-46))), 'corrupt', 'variables.index'],
  ['a data file cut short', changed('v2-keras-export', edit(DATA, cut(1000))), 'corrupt|io', 'variables'],
  ['an empty data file', changed('v2-keras-export', (to) => truncate(path.join(to, DATA), 0)), 'corrupt|io', 'variables'],
  ['a flipped weight', changed('v2-keras-export', edit(DATA, (b) => { for (let k = 0; k < b.length; k += 200) b[k] ^= 1; return b; })), 'corrupt', 'crc|checksum'],
  ['a string table whose bytes are flipped', changed('v2-mutable-table', edit(DATA, (b) => { for (let k = 0; k < b.length; ++k) b[k] ^= 3; return b; })), 'corrupt', 'crc|checksum|variables'],
  // --- text
  ['a broken pbtxt', bytes('saved_model.pbtxt', 'meta_graphs { graph_def { node { name: "x" '), 'corrupt', 'saved_model.pbtxt'],
  ['a pbtxt with an unknown field', bytes('saved_model.pbtxt', 'meta_graphs { nonsense: 1 }'), 'corrupt', 'nonsense'],
  // --- requests
  ['an unknown transform', savedModel({ nodes: fine }), 'invalid_argument', "'nope' not recognized", ['--transforms', 'nope']],
  ['a transform that is not finished', savedModel({ nodes: fine }), 'invalid_argument', 'character', ['--transforms', 'fold_constants(']],
  ['an option that is no number', savedModel({ nodes: fine }), 'invalid_argument', 'minimum_size', ['--transforms', 'quantize_weights(minimum_size=many)']],
];
