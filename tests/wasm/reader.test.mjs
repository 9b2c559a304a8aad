import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readPieces } from '../../wasm/js/reader.mjs';
import { openBlobRange } from '../../wasm/js/reader_blob.mjs';
import { someBytes } from './support/setup.mjs';

// A core that is only a window, at an odd place of a heap whose views go stale whenever anything is pushed.
class FakeCore {
  constructor(size) {
    this.window = { pointer: 12, size };
    this.heap = new Uint8Array(size + 100);
    this.seen = [];
  }
  view(pointer, size) { return this.heap.subarray(pointer, pointer + size); }
  push(size) {
    assert.ok(size > 0 && size <= this.window.size);
    this.seen.push(this.heap.slice(12, 12 + size));
    this.heap = new Uint8Array(this.heap.length);  // as if memory had grown
  }
  get bytes() { return Buffer.concat(this.seen); }
}

const bytes = someBytes(5_000_000);
const blob = new Blob([bytes]);
const blobSource = (options) => ({
  gap: 512 << 10,
  open: (file, offset, length) => openBlobRange(blob, 'f', offset, length, options),
});

function expected(pieces) {
  return Buffer.concat(pieces.flatMap(([, offset, length, stride, count]) =>
    Array.from({ length: count }, (_, run) => bytes.subarray(offset + run * stride, offset + run * stride + length))));
}

const CASES = {
  'one byte': [[0, 77, 1, 1, 1]],
  'a piece shorter than the window': [[0, 3, 1000, 0, 1]],
  'a piece of several windows': [[0, 5, 3_000_001, 0, 1]],
  'many pieces share windows': Array.from({ length: 300 }, (_, k) => [0, 1000 * k, 777, 0, 1]),
  'runs that touch are one piece': [[0, 10, 100, 100, 1000]],
  'short runs close together': [[0, 11, 100, 300, 5000]],
  'short runs of one span and a rest': [[0, 0, 64, 1 << 16, 40]],
  'short runs far apart': [[0, 1, 100, 800_000, 6]],
  'long runs': [[0, 9, 300_000, 500_000, 9]],
  'empty pieces': [[0, 0, 0, 0, 1], [0, 5, 10, 10, 0], [0, 5, 10, 0, 1]],
  'nothing': [],
};

describe('reader', () => {
  for (const window of [64, 1 << 16, 1 << 20]) {
    for (const byob of [true, false]) {
      for (const [name, pieces] of Object.entries(CASES)) {
        if (window === 64 && expected(pieces).length > 600_000) continue;
        test(`${name}, window ${window}, ${byob ? 'BYOB' : 'slices'}`, async () => {
          const core = new FakeCore(window);
          await readPieces(core, blobSource({ byob }), pieces, (size) => core.push(size));
          assert.equal(Buffer.compare(core.bytes, expected(pieces)), 0);
        });
      }
    }
  }

  test('streams that are not byte streams are done without', async () => {
    const old = { slice: (from, to) => Object.assign(blob.slice(from, to), { stream: () => new ReadableStream() }) };
    const target = new Uint8Array(700_000);
    const range = openBlobRange(old, 'f', 5, target.length);
    await range.fill((at, n) => target.subarray(at, at + n), target.length);
    assert.equal(Buffer.compare(target, bytes.subarray(5, 700_005)), 0);
  });

  test('the BYOB buffer is recycled', async () => {
    const made = [];
    const Original = globalThis.ArrayBuffer;
    globalThis.ArrayBuffer = class extends Original {
      constructor(size) {
        super(size);
        made.push(size);
      }
    };
    try {
      const core = new FakeCore(1 << 20);
      await readPieces(core, blobSource(), [[0, 0, 4_000_000, 0, 1]], (size) => core.push(size));
      assert.equal(Buffer.compare(core.bytes, bytes.subarray(0, 4_000_000)), 0);
    } finally {
      globalThis.ArrayBuffer = Original;
    }
    assert.ok(made.length <= 1, `${made.length} buffers`);
  });

  for (const byob of [true, false]) {
    test(`a file that became shorter is an error with its name, ${byob ? 'BYOB' : 'slices'}`, async () => {
      const target = new Uint8Array(400_000);
      const range = openBlobRange(new Blob([someBytes(300_000)]), 'variables.data', 0, 400_000, { byob });
      const reading = range.fill((at, n) => target.subarray(at, at + n), target.length);
      await assert.rejects(reading, { code: 'io', message: /shorter/, where: ['variables.data'] });
      range.close();
    });
  }
});
