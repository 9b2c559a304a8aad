// Where a worker's bytes go, as far as browsers and Node share it (protocol.mjs, target and piece).
//
// write(pointer, size) takes bytes of the heap before it returns; ready() resolves when more may come.

import { CHUNK_AHEAD } from './protocol.mjs';

const CHUNK_BYTES = 1 << 20;
const BLOB_BYTES = 4 << 20;

class Output {
  constructor(target, core) {
    this.target = target;
    this.core = core;
    this.size = 0;
    this.crc = 0;
  }
  write(pointer, size) {
    if (this.target.crc) this.crc = this.core.call('whittle_crc32', this.crc, pointer, size) >>> 0;
    this.put(this.core.view(pointer, size));
    this.size += size;
  }
  ready() {}
  finish() { return { size: this.size, crc: this.crc }; }
}

// Posts copies to the client, at most CHUNK_AHEAD bytes before it acknowledges them.
export class Chunks {
  constructor(post) {
    this.post = post;
    this.onTheWay = 0;
    this.wake = null;
  }
  acknowledge(bytes) {
    this.onTheWay = Math.max(0, this.onTheWay - bytes);
    if (this.wake && this.onTheWay < CHUNK_AHEAD) {
      this.wake();
      this.wake = null;
    }
  }
  output(target, core) { return new ChunkOutput(target, core, this); }
}

class ChunkOutput extends Output {
  constructor(target, core, chunks) {
    super(target, core);
    this.chunks = chunks;
  }
  put(view) {
    for (let at = 0; at < view.length; at += CHUNK_BYTES) {
      const bytes = view.slice(at, at + CHUNK_BYTES);
      const offset = this.target.offset + this.size + at;
      this.chunks.onTheWay += bytes.length;
      this.chunks.post({ type: 'chunk', target: this.target, offset, bytes }, [bytes.buffer]);
    }
  }
  ready() {
    if (this.chunks.onTheWay < CHUNK_AHEAD) return undefined;
    return new Promise((resolve) => { this.chunks.wake = resolve; });
  }
}

// Collects Blobs: bytes leave the worker's memory, and are posted without a copy.
export class BlobOutput extends Output {
  constructor(target, core) {
    super(target, core);
    this.parts = [];
    this.open = null;
    this.filled = 0;
  }
  put(view) {
    for (let at = 0; at < view.length;) {
      this.open ??= new Uint8Array(Math.min(BLOB_BYTES, Math.max(this.target.size - this.size - at, 1)));
      const n = Math.min(view.length - at, this.open.length - this.filled);
      this.open.set(view.subarray(at, at + n), this.filled);
      this.filled += n;
      at += n;
      if (this.filled === this.open.length) this.flush();
    }
  }
  flush() {
    if (this.filled > 0) this.parts.push({ blob: new Blob([this.open.subarray(0, this.filled)]) });
    this.open = null;
    this.filled = 0;
  }
  finish() {
    this.flush();
    return { size: this.size, crc: this.crc, parts: this.parts };
  }
}

export { Output };
