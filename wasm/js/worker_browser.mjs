// The worker of browsers: a classic script made from this file and what it imports (wasm/build.mjs), run from a Blob.

import { BlobOutput, Chunks, Output } from './output.mjs';
import { openBlobRange } from './reader_blob.mjs';
import { serve } from './worker.mjs';

let files = [];
let number = 0;
let byob = true;
let folder = null;
let part = null;  // {name, handle, size}: this worker's file in the session's folder (origin-private file system)
let full = false;  // the storage quota is used up: Blobs from now on

const post = (message, transfer) => self.postMessage(message, transfer ?? []);
const chunks = new Chunks(post);

// Appends to the part file; what does not fit any more goes into Blobs.
class PartOutput extends Output {
  constructor(target, core) {
    super(target, core);
    this.parts = [];
    this.rest = null;
  }
  put(view) {
    if (!this.rest && !full) {
      try {
        const offset = part.size;
        const written = part.handle.write(view, { at: offset });
        if (written === view.length) {
          part.size += written;
          const last = this.parts.at(-1);
          if (last && last.offset + last.size === offset) last.size += written;
          else this.parts.push({ name: part.name, offset, size: written });
          return;
        }
        full = true;
      } catch (thrown) {
        if (thrown.name !== 'QuotaExceededError') throw thrown;
        full = true;
      }
    }
    this.rest ??= new BlobOutput({ size: this.target.size - this.size }, this.core);
    this.rest.put(view);
    this.rest.size += view.length;
  }
  finish() {
    const parts = this.rest ? [...this.parts, ...this.rest.finish().parts] : this.parts;
    return { size: this.size, crc: this.crc, parts };
  }
}

// The handle opens asynchronously, the writes do not.
async function openPart() {
  if (part || !folder) return;
  const name = `part-${number}`;
  try {
    const file = await folder.getFileHandle(name, { create: true });
    part = { name, size: 0, handle: await file.createSyncAccessHandle() };
    part.handle.truncate(0);
  } catch {
    folder = null;  // not offered here after all: Blobs
  }
}

const channel = new MessageChannel();
const ticks = [];
channel.port1.onmessage = () => ticks.shift()();

const platform = {
  init(message) {
    number = message.number;
    byob = message.options?.byob ?? true;
  },
  setFiles(message) {
    files = message.files;
    folder = message.folder ?? null;
  },
  source: {
    gap: 512 << 10,
    open: (index, offset, length) => openBlobRange(files[index].source, files[index].path, offset, length, { byob }),
  },
  async output(target, core) {
    if (target.kind === 'chunk') return chunks.output(target, core);
    await openPart();
    return part ? new PartOutput(target, core) : new BlobOutput(target, core);
  },
  acknowledge(bytes) { chunks.acknowledge(bytes); },
  async end() {
    if (!part) return;
    part.handle.flush();
    part.handle.close();
    part = null;
    full = false;
  },
  tick: () => new Promise((resolve) => {
    ticks.push(resolve);
    channel.port2.postMessage(0);
  }),
};

const take = serve(platform, post);
self.onmessage = (event) => take(event.data);
