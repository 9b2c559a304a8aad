// proto.mjs: just enough of protobuf's wire format to write the few messages of a SavedModel.
//
//   message([1, 5], [2, 'text'], [6, message(…)])    numbers are varints; text, Buffers and messages are bytes
//   [6, fixed32(x)], [4, float32(x)]                  four bytes
//   map(3, {key: value})                              the entries of a map field
export function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

class Fixed {
  constructor(bytes) { this.bytes = bytes; }
}
export function fixed32(value) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return new Fixed(bytes);
}

export function message(...fields) {
  return Buffer.concat(fields.flatMap(([number, value]) => {
    if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return [varint(number * 8), varint(value)];
    if (value instanceof Fixed) return [varint(number * 8 + 5), value.bytes];
    const bytes = typeof value === 'string' ? Buffer.from(value) : value;
    return [varint(number * 8 + 2), varint(bytes.length), bytes];
  }));
}

export const map = (number, entries) => Object.entries(entries).map(([key, value]) => [number, message([1, key], [2, value])]);
