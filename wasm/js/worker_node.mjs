// The worker of Node: files are read straight into the heap, outputs written straight from it, at their final place.

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { toWhittleError, WhittleError } from './errors.mjs';
import { BlobOutput, Chunks, Output } from './output.mjs';
import { openBlobRange } from './reader_blob.mjs';
import { serve } from './worker.mjs';

const MAX_OPEN = 32;

// Open files by path, the oldest closed first.
class Handles {
  constructor(flags, place) {
    this.flags = flags;
    this.place = place;
    this.open = new Map();
  }
  get(path) {
    let fd = this.open.get(path);
    if (fd !== undefined) return fd;
    if (this.open.size >= MAX_OPEN) this.close(this.open.keys().next().value);
    try {
      fd = openSync(path, this.flags);
    } catch (thrown) {
      throw toWhittleError(thrown, this.place(path));
    }
    this.open.set(path, fd);
    return fd;
  }
  close(path) {
    const fd = this.open.get(path);
    this.open.delete(path);
    closeSync(fd);
  }
  closeAll() { for (const path of [...this.open.keys()]) this.close(path); }
}

class FileOutput extends Output {
  put(view) {
    const { path, offset } = this.target;
    const fd = outputs.get(path);
    try {
      for (let at = 0; at < view.length;) {
        at += writeSync(fd, view, at, view.length - at, offset + this.size + at);
      }
    } catch (thrown) {
      throw toWhittleError(thrown, this.target.name);
    }
  }
}

let files = [];
const names = new Map();  // of outputs, by path
const inputs = new Handles('r', (path) => files.find((file) => file.source === path)?.path ?? path);
const outputs = new Handles('r+', (path) => names.get(path) ?? path);
const post = (message, transfer) => parentPort.postMessage(message, transfer);
const chunks = new Chunks(post);

const platform = {
  init() {},
  setFiles(message) {
    inputs.closeAll();
    files = message.files;
  },
  source: {
    gap: 64 << 10,
    open(index, offset, length) {
      const { path, source } = files[index];
      if (typeof source !== 'string') return openBlobRange(source, path, offset, length);
      const fd = inputs.get(source);
      let at = offset;
      return {
        fill(view, n) {
          for (let done = 0; done < n;) {
            let count;
            try {
              count = readSync(fd, view(done, n - done), 0, n - done, at);
            } catch (thrown) {
              throw toWhittleError(thrown, path);
            }
            if (count === 0) throw new WhittleError('io', 'the file became shorter while it was read', [path]);
            done += count;
            at += count;
          }
        },
        close() {},
      };
    },
  },
  output(target, core) {
    if (target.kind === 'file') {
      names.set(target.path, target.name);
      return new FileOutput(target, core);
    }
    return target.kind === 'chunk' ? chunks.output(target, core) : new BlobOutput(target, core);
  },
  acknowledge(bytes) { chunks.acknowledge(bytes); },
  end() {
    inputs.closeAll();
    outputs.closeAll();
  },
  tick: () => new Promise((resolve) => setImmediate(resolve)),
};

parentPort.on('message', serve(platform, post));
