// As much of a browser as wasm/js/browser.mjs touches, on Node: classic workers from Blobs, an origin-private file system
// on a temporary folder, locks, folder handles. Its purpose is to run the real browser code; tests/web uses a real browser.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Worker as NodeWorker } from 'node:worker_threads';

const blobs = new Map();

// The worker's side: `self`, and handles that arrive as {fakeFolder: path}.
const PRELUDE = `
  const { parentPort, workerData } = require('node:worker_threads');
  const fs = require('node:fs'), path = require('node:path');
  globalThis.self = { postMessage: (message, transfer) => parentPort.postMessage(message, transfer) };
  globalThis.MessageChannel = class {  // Node's would keep the thread alive
    constructor() {
      this.port1 = { onmessage: null };
      this.port2 = { postMessage: () => setImmediate(() => this.port1.onmessage()) };
    }
  };
  const quota = workerData.quota;
  let used = 0;
  const folderOf = (where) => ({
    async getFileHandle(name) {
      return {
        async createSyncAccessHandle() {
          if (workerData.noHandles) throw new Error('not here');
          const fd = fs.openSync(path.join(where, name), 'w');
          return {
            truncate(size) { fs.ftruncateSync(fd, size); },
            write(view, { at }) {
              used += view.length;
              if (used > quota) throw Object.assign(new Error('full'), { name: 'QuotaExceededError' });
              return fs.writeSync(fd, view, 0, view.length, at);
            },
            flush() {},
            close() { fs.closeSync(fd); },
          };
        },
      };
    },
  });
  parentPort.on('message', (data) => {
    if (data.folder) data.folder = folderOf(data.folder.fakeFolder);
    self.onmessage({ data });
  });
`;

// A FileSystemDirectoryHandle on a folder. It is cloned to workers as {fakeFolder}.
export function folderHandle(where, { move = false } = {}) {
  const handle = { kind: 'directory', name: path.basename(where), fakeFolder: where };
  const hidden = (name, value) => Object.defineProperty(handle, name, { value, enumerable: false });
  const inside = (name) => path.join(where, name);
  const notFound = () => Object.assign(new Error('gone'), { name: 'NotFoundError' });
  hidden('getDirectoryHandle', async (name, { create } = {}) => {
    if (!existsSync(inside(name)) && !create) throw notFound();
    mkdirSync(inside(name), { recursive: true });
    return folderHandle(inside(name), { move });
  });
  hidden('getFileHandle', async (name, { create } = {}) => {
    if (!existsSync(inside(name)) && !create) throw notFound();
    if (!existsSync(inside(name))) writeFileSync(inside(name), '');
    return fileHandle(inside(name), { move });
  });
  hidden('removeEntry', async (name) => {
    if (!existsSync(inside(name))) throw notFound();
    rmSync(inside(name), { recursive: true });
  });
  const names = () => readdirSync(where);
  hidden('keys', async function* keys() { yield* names(); });
  hidden('values', async function* values() {
    for (const name of names()) {
      yield statSync(inside(name)).isDirectory() ? folderHandle(inside(name), { move }) : fileHandle(inside(name), { move });
    }
  });
  hidden('entries', async function* entries() { for (const name of names()) yield [name, null]; });
  return handle;
}

function fileHandle(where, { move }) {
  const handle = { kind: 'file', name: path.basename(where) };
  handle.getFile = async () => Object.assign(new Blob([readFileSync(where)]), { name: handle.name });
  if (move) {
    handle.move = async (folder, name) => {
      writeFileSync(path.join(folder.fakeFolder, name), readFileSync(where));
      rmSync(where);
    };
  }
  handle.createWritable = async () => {
    // As in browsers: the file changes when the stream is closed.
    let bytes = Buffer.alloc(0);
    const put = (position, data) => {
      if (bytes.length < position + data.length) bytes = Buffer.concat([bytes, Buffer.alloc(position + data.length - bytes.length)]);
      bytes.set(data, position);
    };
    const stream = new WritableStream({
      write(chunk) {
        if (chunk.type === 'write') put(chunk.position, chunk.data);
        else put(bytes.length, chunk);
      },
      close() { writeFileSync(where, bytes); },
    });
    stream.write = async (chunk) => put(chunk.position, chunk.data);
    stream.close = async () => writeFileSync(where, bytes);
    stream.abort = async () => {};
    return stream;
  };
  return handle;
}

// Installs the globals; `opfs` is a folder or null (file://). Returns {workers, restore}.
export function installBrowser({ opfs = null, quota = Infinity, storage = 1e12, noHandles = false, blockWorkers = null } = {}) {
  const before = {};
  const set = (name, value) => {
    before[name] = Object.getOwnPropertyDescriptor(globalThis, name);
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
  };
  const workers = new Set();
  set('Worker', class {
    constructor(url) {
      if (blockWorkers === 'throw') throw new Error('refused');
      if (blockWorkers === 'event') {
        setTimeout(() => this.onerror({}), 5);
        return;
      }
      workers.add(this);
      this.pending = [];
      blobs.get(url).text().then((text) => {
        if (this.gone) return;
        this.thread = new NodeWorker(PRELUDE + text, { eval: true, workerData: { quota, noHandles } });
        this.thread.on('message', (data) => this.onmessage({ data }));
        this.thread.on('error', (error) => this.onerror({ message: error.message }));
        for (const args of this.pending) this.thread.postMessage(...args);
        this.thread.unref();
      });
      this.alive = setInterval(() => {}, 1000);
    }
    postMessage(message, transfer) {
      if (this.thread) this.thread.postMessage(message, transfer);
      else this.pending?.push([message, transfer]);
    }
    terminate() {
      this.gone = true;
      clearInterval(this.alive);
      workers.delete(this);
      this.thread?.terminate();
    }
  });
  const { createObjectURL, revokeObjectURL } = URL;
  URL.createObjectURL = (blob) => {
    const url = `blob:fake/${blobs.size}`;
    blobs.set(url, blob);
    return url;
  };
  URL.revokeObjectURL = () => {};

  const held = new Set();
  set('navigator', {
    hardwareConcurrency: 3,
    storage: opfs && {
      getDirectory: async () => folderHandle(opfs),
      estimate: async () => ({ quota: storage, usage: 0 }),
    },
    locks: {
      held,
      async request(name, ...rest) {
        const body = rest.pop();
        if (rest[0]?.ifAvailable && held.has(name)) return body(null);
        held.add(name);
        try {
          return await body({ name });
        } finally {
          held.delete(name);
        }
      },
    },
  });
  return {
    workers,
    held,
    restore() {
      for (const [name, descriptor] of Object.entries(before)) {
        if (descriptor) Object.defineProperty(globalThis, name, descriptor);
        else delete globalThis[name];
      }
      Object.assign(URL, { createObjectURL, revokeObjectURL });
    },
  };
}
