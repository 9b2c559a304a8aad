// Ranges of Blobs and Files, in a worker of a browser or of Node.
//
// A BYOB stream cannot read into wasm memory (the buffer would have to be transferred), so it fills one recycled
// buffer that is copied from; without BYOB, slices of at most 8 MB are read. Measured in Chromium: 620 MB/s against 180.

import { toWhittleError, WhittleError } from './errors.mjs';

const BYOB_BYTES = 1 << 20;
const SLICE_BYTES = 8 << 20;
const SMALL = 256 << 10;  // a stream costs more to start than a slice of this size to read

let recycled = null;

// Readers in use. Chromium does not keep a Blob's stream alive for the read that waits on it: without a reference from
// here the collector takes all of it, and the read never ends (seen about once in 2000 streams).
const inUse = new Set();

const named = (path, reading) => reading.catch((thrown) => { throw toWhittleError(thrown, path); });
const short = (path) => new WhittleError('io', 'the file is shorter than when it was chosen', [path]);

export function openBlobRange(blob, path, offset, length, { byob = true } = {}) {
  const part = blob.slice(offset, offset + length);
  const reader = byob && length > SMALL ? byobReader(part) : null;
  return reader ? byobRange(reader, path) : sliceRange(part, path);
}

function byobReader(part) {
  try {
    return part.stream().getReader({ mode: 'byob' });
  } catch {
    return null;  // an older browser: its streams of Blobs are not byte streams
  }
}

function byobRange(reader, path) {
  inUse.add(reader);
  let ahead = null;  // bytes read beyond what was asked for
  return {
    async fill(view, n) {
      for (let at = 0; at < n;) {
        if (!ahead) {
          const buffer = recycled ?? new ArrayBuffer(BYOB_BYTES);
          recycled = null;
          const { value, done } = await named(path, reader.read(new Uint8Array(buffer)));
          if (done || !value) throw short(path);
          ahead = value;
        }
        const take = Math.min(ahead.length, n - at);
        view(at, take).set(ahead.subarray(0, take));
        at += take;
        if (take < ahead.length) ahead = ahead.subarray(take);
        else {
          recycled = ahead.buffer;
          ahead = null;
        }
      }
    },
    close() {
      if (ahead) recycled = ahead.buffer;
      reader.cancel().catch(() => {});
      inUse.delete(reader);
    },
  };
}

function sliceRange(part, path) {
  let offset = 0;
  let ahead = null;
  return {
    async fill(view, n) {
      for (let at = 0; at < n;) {
        if (!ahead) {
          const bytes = await named(path, part.slice(offset, offset + SLICE_BYTES).arrayBuffer());
          if (bytes.byteLength === 0) throw short(path);
          offset += bytes.byteLength;
          ahead = new Uint8Array(bytes);
        }
        const take = Math.min(ahead.length, n - at);
        view(at, take).set(ahead.subarray(0, take));
        at += take;
        ahead = take < ahead.length ? ahead.subarray(take) : null;
      }
    },
    close() {},
  };
}
