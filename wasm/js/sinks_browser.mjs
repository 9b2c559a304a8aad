// What only browsers have: folders that the user gave, and the origin-private file system that holds parts of a zip.

import { toWhittleError, WhittleError } from './errors.mjs';
import { MAX_BLOB_BYTES } from './sinks.mjs';

// A FileSystemDirectoryHandle. Files appear when they are complete; on failure those that were made are removed. A folder
// cannot be renamed here, so with `force` old files go just before the new ones come.
export class HandleSink {
  kind = 'directory';
  wantsCrc = false;

  constructor(handle) {
    this.handle = handle;
    this.made = [];     // undo, last first
    this.writers = [];
  }
  async prepare({ force }) {
    this.force = force;
    if (!force) {
      for await (const entry of this.handle.values()) {
        throw new WhittleError('invalid_argument', `the output folder is not empty (${entry.name})`, [this.handle.name]);
      }
    }
    if (await this.handle.requestPermission?.({ mode: 'readwrite' }) === 'denied') {
      throw new WhittleError('io', 'permission to write into this folder was not given', [this.handle.name]);
    }
  }
  async begin({ files }) {
    this.files = files;
    // Written below a name of its own first; a folder of another run is never touched.
    this.temporary = `.whittle-${Math.random().toString(36).slice(2, 10)}`;
    const folder = await this.handle.getDirectoryHandle(this.temporary, { create: true });
    for (const [index] of files.entries()) {
      const handle = await folder.getFileHandle(String(index), { create: true });
      this.writers.push({ handle, stream: await handle.createWritable() });
    }
  }
  target(file, offset) { return { kind: 'chunk', offset }; }
  async chunk(file, position, data) {
    try {
      await this.writers[file].stream.write({ type: 'write', position, data });
    } catch (thrown) {
      throw toWhittleError(thrown, this.files[file].path);
    }
  }
  async finish() {
    for (const { stream } of this.writers) await stream.close();
    if (this.force) {
      for await (const [name] of this.handle.entries()) {
        if (name !== this.temporary) await this.handle.removeEntry(name, { recursive: true });
      }
    }
    for (const [index, { path }] of this.files.entries()) {
      const parts = path.split('/');
      let folder = this.handle;
      for (const part of parts.slice(0, -1)) folder = await this.enter(folder, part);
      await this.place(this.writers[index].handle, folder, parts.at(-1));
    }
    await this.handle.removeEntry(this.temporary, { recursive: true });
    this.made = [];
  }
  async enter(folder, name) {
    const there = await folder.getDirectoryHandle(name).catch(() => null);
    if (there) return there;
    this.made.unshift([folder, name]);
    return folder.getDirectoryHandle(name, { create: true });
  }
  async place(handle, folder, name) {
    this.made.unshift([folder, name]);
    if (handle.move && await handle.move(folder, name).then(() => true, () => false)) return undefined;
    const to = await (await folder.getFileHandle(name, { create: true })).createWritable();
    return (await handle.getFile()).stream().pipeTo(to);
  }
  async abort() {
    await Promise.all(this.writers.map(({ stream }) => stream.abort().catch(() => {})));
    for (const [folder, name] of this.made) await folder.removeEntry(name, { recursive: true }).catch(() => {});
    if (this.temporary) await this.handle.removeEntry(this.temporary, { recursive: true }).catch(() => {});
    this.writers = [];
    this.made = [];
    this.temporary = null;
  }
}

// Folders "whittle/<id>" of the origin-private file system, each held by a Web Lock while its page lives, so that
// another page may tell which are left over. A run has a folder in it; it goes when the next model is opened.
export class Storage {
  #session = null;   // {id, root, folder, release}
  #runs = 0;
  #current = null;

  async #open() {
    if (this.#session) return this.#session;
    const top = await navigator.storage.getDirectory();
    const root = await top.getDirectoryHandle('whittle', { create: true });
    const id = Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, '0')).join('');
    let release;
    await new Promise((resolve, reject) => {
      navigator.locks.request(`whittle-${id}`, () => {
        resolve();
        return new Promise((done) => { release = done; });
      }).catch(reject);
    });
    const folder = await root.getDirectoryHandle(id, { create: true });
    this.#session = { id, root, folder, release };
    return this.#session;
  }
  // Removes what pages left behind that are gone.
  async clean() {
    try {
      const { id, root } = await this.#open();
      const names = [];
      for await (const name of root.keys()) if (name !== id) names.push(name);
      for (const name of names) {
        await navigator.locks.request(`whittle-${name}`, { ifAvailable: true }, async (lock) => {
          if (lock) await root.removeEntry(name, { recursive: true });
        });
      }
    } catch {
      this.#session = null;  // not offered here (file://, private windows)
    }
  }
  // The folder for the parts of a result of `bytes`, or null where Blobs must do.
  async begin(bytes) {
    await this.end();
    let room;
    try {
      const { folder } = await this.#open();
      const { quota, usage } = await navigator.storage.estimate();
      room = quota - usage;
      if (room > bytes * 1.05) {
        const name = `run-${this.#runs++}`;
        this.#current = { name, folder: await folder.getDirectoryHandle(name, { create: true }) };
        return this.#current.folder;
      }
    } catch {
      return null;
    }
    if (bytes > MAX_BLOB_BYTES) {
      throw new WhittleError('limit', `the result has ${(bytes / 1e6).toFixed(0)} MB, and this browser grants ` +
        `${(Math.max(room, 0) / 1e6).toFixed(0)} MB of storage; save into a folder, or use the command`);
    }
    return null;
  }
  async file(name) { return (await this.#current.folder.getFileHandle(name)).getFile(); }
  // Drops the parts of the current run: they were not or are no longer needed.
  async end() {
    if (!this.#current) return;
    const { name } = this.#current;
    this.#current = null;
    await this.#session?.folder.removeEntry(name, { recursive: true }).catch(() => {});
  }
  keep() { this.#current = null; }
  // The next model comes: results of the last one go.
  async newModel() {
    this.#current = null;
    if (!this.#session) return;
    const { folder } = this.#session;
    const names = [];
    for await (const name of folder.keys()) names.push(name);
    for (const name of names) await folder.removeEntry(name, { recursive: true }).catch(() => {});
  }
}
