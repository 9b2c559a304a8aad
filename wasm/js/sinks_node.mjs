// Sinks of Node that write to a path: a folder, a zip, one file.
//
// Workers write every piece at its final offset into a temporary sibling ".NAME.whittle-XXXXXXXX", which is flushed and
// renamed at the end. A place that is taken is refused; with `force` it is replaced, but only after success.

import { randomBytes } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir, open, readdir, realpath, rename, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep, isAbsolute } from 'node:path';
import { toWhittleError, WhittleError } from './errors.mjs';
import { checkOutputNames } from './names.mjs';
import { folderName, localHeader, zipDirectory, zipLayout } from './zip.mjs';

const exists = (path) => stat(path).catch((thrown) => {
  if (thrown.code === 'ENOENT' || thrown.code === 'ENOTDIR') return null;
  throw thrown;
});
const isInside = (path, folder) => {
  const way = relative(folder, path);
  return way === '' || (!way.startsWith(`..${sep}`) && way !== '..' && !isAbsolute(way));
};

class PathSink {
  #made = false;

  constructor(path, options = {}) {
    this.path = path;
    this.name = options.name;
  }

  // Refuses a place that is taken, missing or inside of the input.
  async prepare({ opened, force }) {
    this.force = force;
    this.full = resolve(this.path);
    try {
      const parent = await realpath(dirname(this.full)).catch(() => null);
      if (!parent) throw new WhittleError('not_found', 'the folder that should hold the output does not exist', [this.path]);
      this.full = join(parent, basename(this.full));
      const there = await exists(this.full);
      const real = there ? await realpath(this.full) : this.full;
      if (opened?.path) {
        if (isInside(real, opened.path)) throw new WhittleError('invalid_argument', 'the output lies inside of the input', [this.path]);
        if (isInside(opened.path, real)) throw new WhittleError('invalid_argument', 'the input lies inside of the output', [this.path]);
      }
      if (there) await this.checkTaken(there, real);
    } catch (thrown) {
      throw toWhittleError(thrown, this.path);
    }
  }
  async checkTaken(there) {
    if (there.isDirectory()) throw new WhittleError('invalid_argument', 'the output is a folder', [this.path]);
    if (!this.force) throw new WhittleError('invalid_argument', 'the output exists; --force replaces it', [this.path]);
  }

  async begin({ files, name }) {
    checkOutputNames(files.map((file) => file.path), process.platform);
    this.temporary = join(dirname(this.full), `.${basename(this.full)}.whittle-${randomBytes(4).toString('hex')}`);
    this.#made = true;
    try {
      await this.create(files, name);
    } catch (thrown) {
      throw toWhittleError(thrown, this.path);
    }
  }
  async finish(pieces) {
    try {
      await this.complete(pieces);
      await this.publish();
      this.#made = false;
    } catch (thrown) {
      throw toWhittleError(thrown, this.path);
    }
  }
  async publish() { await rename(this.temporary, this.full); }
  async abort() {
    if (this.#made) await rm(this.temporary, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    this.#made = false;
  }
}

const createFile = (path) => closeSync(openSync(path, 'wx', 0o644));
async function flush(path) {
  const file = await open(path, 'r+');
  try {
    await file.datasync();
  } finally {
    await file.close();
  }
}

export class DirectoryPathSink extends PathSink {
  kind = 'directory';
  wantsCrc = false;

  async checkTaken(there, real) {
    if (!there.isDirectory()) throw new WhittleError('invalid_argument', 'the output is a file, not a folder', [this.path]);
    this.full = real;
    this.taken = true;
    if ((await readdir(real)).length > 0 && !this.force) {
      throw new WhittleError('invalid_argument', 'the output folder is not empty; --force replaces it', [this.path]);
    }
  }
  async create(files) {
    await mkdir(this.temporary);
    this.files = files.map(({ path }) => ({ name: join(this.path, path), path: join(this.temporary, ...path.split('/')) }));
    for (const { path } of this.files) {
      await mkdir(dirname(path), { recursive: true });
      createFile(path);
    }
  }
  target(file, offset) { return { kind: 'file', ...this.files[file], offset }; }
  async complete() { for (const { path } of this.files) await flush(path); }
  async publish() {
    if (!this.taken) return super.publish();
    const old = `${this.temporary}-old`;
    if ((await readdir(this.full)).length === 0) {
      await rmdir(this.full);
      return super.publish();
    }
    await rename(this.full, old);
    try {
      await super.publish();
    } catch (thrown) {
      await rename(old, this.full);
      throw thrown;
    }
    return rm(old, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

export class ZipPathSink extends PathSink {
  kind = 'zip';
  wantsCrc = true;
  blob = null;
  size = 0;

  async create(files) {
    const top = folderName(this.name ?? basename(this.full));
    this.layout = zipLayout(files.map(({ path, size }) => ({ name: `${top}/${path}`, size })));
    createFile(this.temporary);
  }
  target(file, offset) {
    return { kind: 'file', path: this.temporary, name: this.path, offset: this.layout.entries[file].data + offset };
  }
  async complete(files) {
    const out = await open(this.temporary, 'r+');
    try {
      const put = async (bytes, at) => {
        for (let done = 0; done < bytes.length;) {
          done += (await out.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
        }
      };
      for (const [index, { crc }] of files.entries()) {
        const entry = this.layout.entries[index];
        await put(localHeader(entry, crc), entry.header);
      }
      let at = this.layout.directory;
      for (const bytes of zipDirectory(this.layout, files.map(({ crc }) => crc))) {
        await put(bytes, at);
        at += bytes.length;
      }
      await out.datasync();
    } finally {
      await out.close();
    }
    this.size = this.layout.size;
  }
}

// One file, for containers that are one: `-o x.pb`.
export class FilePathSink extends PathSink {
  kind = 'file';
  wantsCrc = false;

  async create(files) {
    if (files.length !== 1) {
      throw new WhittleError('unsupported', `the result has ${files.length} files; name a folder or a zip`, [this.path]);
    }
    createFile(this.temporary);
  }
  target(file, offset) { return { kind: 'file', path: this.temporary, name: this.path, offset }; }
  async complete() { await flush(this.temporary); }
}
