// Sinks of Node that write to a path: a folder, a zip, one file.
//
// Workers write every piece at its final offset into a temporary sibling ".NAME.whittle-XXXXXXXX", which is flushed and
// renamed at the end. A place that is taken is refused; with `force` it is replaced, but only after success. A folder that is
// a mount, or whose parent may not be written, gets its temporary folder inside, and then file by file what is in it.

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
// Windows: a scanner or an indexer may hold what was just written for a moment.
async function renameSoon(from, to) {
  for (let tries = 1; ; ++tries) {
    try {
      return await rename(from, to);
    } catch (thrown) {
      if (process.platform !== 'win32' || tries === 10 || !/^(EPERM|EBUSY|EACCES)$/.test(thrown.code)) throw thrown;
      await new Promise((resolve) => { setTimeout(resolve, 50 * tries); });
    }
  }
}

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
  async publish() { await renameSoon(this.temporary, this.full); }
  async abort() {
    if (this.#made) await remove(this.temporary);
    this.#made = false;
  }
}

const remove = (path) => rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
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
    this.inside = there.dev !== (await stat(dirname(real))).dev;
    if ((await readdir(real)).length > 0 && !this.force) {
      throw new WhittleError('invalid_argument', 'the output folder is not empty; --force replaces it', [this.path]);
    }
  }
  async create(files) {
    if (!this.inside) {
      try {
        await mkdir(this.temporary);
      } catch (thrown) {
        if (!this.taken || !/^(EACCES|EPERM|EROFS)$/.test(thrown.code)) throw thrown;
        this.inside = true;
      }
    }
    if (this.inside) {
      this.temporary = join(this.full, basename(this.temporary));
      await mkdir(this.temporary);
    }
    this.files = files.map(({ path }) => ({ name: join(this.path, path), path: join(this.temporary, ...path.split('/')) }));
    for (const { path } of this.files) {
      await mkdir(dirname(path), { recursive: true });
      createFile(path);
    }
  }
  target(file, offset) { return { kind: 'file', ...this.files[file], offset }; }
  async complete() { for (const { path } of this.files) await flush(path); }
  async publish() {
    if (this.inside) return this.publishInside();
    if (!this.taken) return super.publish();
    const old = `${this.temporary}-old`;
    await renameSoon(this.full, old);
    try {
      await super.publish();
    } catch (thrown) {
      await rename(old, this.full);
      throw thrown;
    }
    return remove(old);
  }
  async publishInside() {
    const old = `${this.temporary}-old`;
    await mkdir(old);
    const moved = [];
    const move = async (from, to, except) => {
      for (const name of await readdir(from)) {
        if (except.includes(name)) continue;
        await renameSoon(join(from, name), join(to, name));
        moved.unshift([join(to, name), join(from, name)]);
      }
    };
    try {
      await move(this.full, old, [basename(old), basename(this.temporary)]);
      await move(this.temporary, this.full, []);
    } catch (thrown) {
      for (const [from, to] of moved) await rename(from, to);
      await rmdir(old);
      throw thrown;
    }
    await rmdir(this.temporary);
    return remove(old);
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
