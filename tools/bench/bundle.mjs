// bundle.mjs: writes the variables/ folder of a SavedModel: a TensorBundle of one shard, its index an uncompressed sstable.
// The format is told in core/include/whittle (tensor_bundle.h); this shares no code with what reads it.
import { closeSync, openSync, writeFileSync, writeSync } from 'node:fs';

import { fixed32, message, varint } from './proto.mjs';

const kPolynomial = 0x82f63b78;
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? kPolynomial : 0);
  return crc;
});
export function crc32c(bytes, crc = 0) {
  crc = ~crc;
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}
const mask = (crc) => (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;

// The checksum of two pieces put together: `first` times x^(8 n), plus `second`, over GF(2).
function multiply(a, b) {
  let product = 0;
  for (let bit = 0x80000000; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= b;
    b = (b >>> 1) ^ (b & 1 ? kPolynomial : 0);
  }
  return product >>> 0;
}
export function combine(first, second, second_size) {
  let power = 0x00800000;
  let factor = 0x80000000;
  for (let n = second_size; n > 0; n = Math.floor(n / 2)) {
    if (n % 2) factor = multiply(factor, power);
    power = multiply(power, power);
  }
  return (multiply(first, factor) ^ second) >>> 0;
}

// An sstable of one block: keys in ascending order, each with a restart of its own, so none shares a prefix.
function block(entries) {
  const parts = [];
  const restarts = [];
  let size = 0;
  for (const [key, value] of entries) {
    const bytes = Buffer.concat([varint(0), varint(key.length), varint(value.length), key, value]);
    restarts.push(size);
    size += bytes.length;
    parts.push(bytes);
  }
  if (restarts.length === 0) restarts.push(0);
  const tail = Buffer.alloc(4 * restarts.length + 4);
  [...restarts, restarts.length].forEach((at, i) => tail.writeUInt32LE(at, 4 * i));
  return Buffer.concat([...parts, tail]);
}
function sstable(entries) {
  const pieces = [];
  let offset = 0;
  const put = (bytes) => {
    const handle = Buffer.concat([varint(offset), varint(bytes.length)]);
    const trailer = Buffer.alloc(5);  // type 0: not compressed; checksum of block and type
    trailer.writeUInt32LE(mask(crc32c(Buffer.from([0]), crc32c(bytes))), 1);
    pieces.push(bytes, trailer);
    offset += bytes.length + 5;
    return handle;
  };
  const data = put(block(entries));
  const meta = put(block([]));
  const index = put(block([[entries.at(-1)[0], data]]));
  const footer = Buffer.alloc(48);
  Buffer.concat([meta, index]).copy(footer);
  Buffer.from('57fb808b247547db', 'hex').copy(footer, 40);
  return Buffer.concat([...pieces, footer]);
}

const kBlock = 16 << 20;
const kHead = 4096;

// Numbers like weights: uniform in ±0.05, the same everywhere. xorshift32.
export function random_floats(count, seed) {
  const values = new Float32Array(count);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    values[i] = state * (0.05 / 2147483648);
  }
  return values;
}

// Float tensors {name, shape}. Gigabytes are made quickly: each tensor begins with 4 kB of its own, which tells it from the
// others, and goes on with one block of pseudo-random weights again and again.
export function write_bundle(prefix, tensors) {
  const bytes = (values) => new Uint8Array(values.buffer);
  const common = bytes(random_floats(kBlock / 4, 1));
  const common_crc = crc32c(common);
  const out = openSync(`${prefix}.data-00000-of-00001`, 'w');
  const entries = [];
  let offset = 0;
  tensors.forEach(({ name, shape }, i) => {
    const size = 4 * shape.reduce((a, b) => a * b, 1);
    let crc = 0;
    let left = size;
    const put = (part, part_crc) => {
      for (let at = 0; at < part.length;) at += writeSync(out, part, at);
      crc = combine(crc, part_crc, part.length);
      left -= part.length;
    };
    const head = bytes(random_floats(Math.min(kHead, size) / 4, i + 2));
    put(head, crc32c(head));
    while (left >= kBlock) put(common, common_crc);
    if (left > 0) {
      const rest = common.subarray(0, left);
      put(rest, crc32c(rest));
    }
    const dimensions = shape.map((n) => [2, message([1, n])]);
    entries.push([Buffer.from(name), message([1, 1], [2, message(...dimensions)], [4, offset], [5, size], [6, fixed32(mask(crc))])]);
    offset += size;
  });
  closeSync(out);
  entries.sort(([a], [b]) => Buffer.compare(a, b));
  writeFileSync(`${prefix}.index`, sstable([[Buffer.alloc(0), message([1, 1], [3, message([1, 1])])], ...entries]));
}
