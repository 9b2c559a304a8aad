// Zip files made of our own headers around bytes that lie elsewhere; byte for byte what tools/whittle/zip.cc writes.
//
//   [local header, name][data] …  [central directory][end]
//
// Stored entries; sizes and checksums in the local header, never data descriptors; UTF-8 names, 1980-01-01, mode 0644.
// Zip64 fields only where a size, an offset or the number of entries needs them.
// Source   APPNOTE.TXT 6.3.10, 4.3.7 to 4.3.16

const POLYNOMIAL = 0xEDB88320;
const MAX32 = 0xFFFFFFFF;
const MAX16 = 0xFFFF;
const UTF8 = 0x0800;
const DATE = 0x0021;  // 1980-01-01

const encoder = new TextEncoder();

function multiply(a, b) {
  let product = 0;
  for (let bit = 0x80000000; bit !== 0; bit >>>= 1) {
    if (a & bit) product ^= b;
    b = (b >>> 1) ^ (b & 1 ? POLYNOMIAL : 0);
  }
  return product >>> 0;
}

// The checksum of two pieces put together, as crc32.h has it.
export function combineCrc(first, second, secondSize) {
  let power = 0x00800000, factor = 0x80000000;
  for (let n = secondSize; n > 0; n = Math.floor(n / 2)) {
    if (n % 2) factor = multiply(factor, power);
    power = multiply(power, power);
  }
  return (multiply(first, factor) ^ second) >>> 0;
}

class Bytes {
  constructor() { this.list = []; }
  u16(v) { this.list.push(v & 255, (v >>> 8) & 255); return this; }
  u32(v) { return this.u16(v & MAX16).u16(v >>> 16); }
  u64(v) { return this.u32(v % 2 ** 32).u32(Math.floor(v / 2 ** 32)); }
  bytes(v) { for (const b of v) this.list.push(b); return this; }
  done() { return Uint8Array.from(this.list); }
}

// Where everything lies: entries [{name, size}] become {name, size, header, data} with the offsets of both.
export function zipLayout(files) {
  let offset = 0;
  const entries = files.map(({ name, size }) => {
    const header = offset;
    const data = header + 30 + encoder.encode(name).length + (size >= MAX32 ? 20 : 0);
    offset = data + size;
    return { name, size, header, data };
  });
  const directory = entries.reduce((sum, entry) => sum + centralHeader(entry, 0).length, 0);
  return { entries, directory: offset, size: offset + directory + endRecord(entries.length, directory, offset).length };
}

export function localHeader(entry, crc) {
  const big = entry.size >= MAX32;
  const name = encoder.encode(entry.name);
  const size = big ? MAX32 : entry.size;
  const out = new Bytes().u32(0x04034B50).u16(big ? 45 : 20).u16(UTF8).u16(0).u16(0).u16(DATE).u32(crc)
    .u32(size).u32(size).u16(name.length).u16(big ? 20 : 0).bytes(name);
  if (big) out.u16(1).u16(16).u64(entry.size).u64(entry.size);
  return out.done();
}

function centralHeader(entry, crc) {
  const bigSize = entry.size >= MAX32, bigOffset = entry.header >= MAX32;
  const name = encoder.encode(entry.name);
  const size = bigSize ? MAX32 : entry.size;
  const extra = (bigSize ? 16 : 0) + (bigOffset ? 8 : 0);
  const version = extra ? 45 : 20;
  const out = new Bytes().u32(0x02014B50).u16(version | (3 << 8)).u16(version).u16(UTF8).u16(0).u16(0).u16(DATE)
    .u32(crc).u32(size).u32(size).u16(name.length).u16(extra ? extra + 4 : 0).u16(0).u16(0).u16(0)
    .u32((0o100644 << 16) >>> 0).u32(bigOffset ? MAX32 : entry.header).bytes(name);
  if (extra) out.u16(1).u16(extra);
  if (bigSize) out.u64(entry.size).u64(entry.size);
  if (bigOffset) out.u64(entry.header);
  return out.done();
}

function endRecord(count, size, offset) {
  const out = new Bytes();
  const big = count >= MAX16 || size >= MAX32 || offset >= MAX32;
  if (big) {
    out.u32(0x06064B50).u64(44).u16(45 | (3 << 8)).u16(45).u32(0).u32(0).u64(count).u64(count).u64(size).u64(offset);
    out.u32(0x07064B50).u32(0).u64(offset + size).u32(1);
  }
  const short = Math.min(count, MAX16);
  return out.u32(0x06054B50).u16(0).u16(0).u16(short).u16(short).u32(Math.min(size, MAX32)).u32(Math.min(offset, MAX32))
    .u16(0).done();
}

// The central directory with its end; crcs are those of the entries, in order.
export function zipDirectory(layout, crcs) {
  const headers = layout.entries.map((entry, index) => centralHeader(entry, crcs[index]));
  const size = headers.reduce((sum, header) => sum + header.length, 0);
  return [...headers, endRecord(layout.entries.length, size, layout.directory)];
}

// A zip's top folder from what the user calls the model.
export function folderName(name) {
  const clean = name.replace(/\.(zip|pb)$/i, '').replace(/[\\/:*?"<>|\u0000-\u001f]/g, '_').replace(/^\.+|[. ]+$/g, '');
  return clean || 'model';
}
