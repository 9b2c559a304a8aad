// Sinks that need no platform: memory, and zips put together from parts.
//
// What a run asks of a sink:
//   begin({files: [{path, size}], name})  may give {folder} for parts; throws when the place is not free
//   target(file, offset)                  protocol.mjs, target: where a piece goes
//   wantsCrc                              whether pieces need zip's checksum
//   chunk(file, offset, bytes)            for targets of kind 'chunk'
//   finish([{size, crc, parts}])          makes the result visible
//   abort()                               removes every trace; also after a failed begin or finish
// A sink serves one run (or both attempts of one).

import { WhittleError } from './errors.mjs';
import { folderName, localHeader, zipDirectory, zipLayout } from './zip.mjs';

// A browser keeps Blob parts in its own process, slowly; above this an origin-private file is needed.
export const MAX_BLOB_BYTES = 1e9;

export class MemorySink {
  kind = 'memory';
  wantsCrc = false;
  files = new Map();

  begin({ files }) {
    this.arrays = files.map(({ path, size }) => {
      try {
        return [path, new Uint8Array(size)];
      } catch {
        throw new WhittleError('limit', `no ${size} bytes of memory left; write to a folder or a zip instead`, [path]);
      }
    });
  }
  target(file, offset) { return { kind: 'chunk', offset }; }
  chunk(file, offset, bytes) { this.arrays[file][1].set(bytes, offset); }
  finish() { this.files = new Map(this.arrays); }
  abort() {
    this.arrays = null;
    this.files = new Map();
  }
}

// `storage`, when the platform has one: {begin(size) → folder or null, file(name) → File, keep(), end()}.
export class ZipSink {
  kind = 'zip';
  wantsCrc = true;
  blob = null;
  size = 0;

  constructor(stream, name) {
    this.stream = stream;
    this.name = name;
    this.storage = null;  // set by the optimizer that runs it
  }
  async begin({ files, name }) {
    const top = folderName(this.name ?? name);
    this.layout = zipLayout(files.map(({ path, size }) => ({ name: `${top}/${path}`, size })));
    this.folder = await this.storage?.begin(this.layout.size);
    if (!this.folder && this.layout.size > MAX_BLOB_BYTES) {
      throw new WhittleError('limit', `the result has ${(this.layout.size / 1e6).toFixed(0)} MB, and no more than ` +
        `${MAX_BLOB_BYTES / 1e6} MB can be kept here without disk storage; save into a folder, or use the command`);
    }
    return { folder: this.folder };
  }
  target() { return { kind: 'part' }; }
  async finish(files) {
    const open = new Map();  // part files
    const blobs = [];
    for (const [index, { crc, parts }] of files.entries()) {
      blobs.push(localHeader(this.layout.entries[index], crc));
      for (const part of parts) {
        if (part.blob) blobs.push(part.blob);
        else {
          if (!open.has(part.name)) open.set(part.name, await this.storage.file(part.name));
          blobs.push(open.get(part.name).slice(part.offset, part.offset + part.size));
        }
      }
    }
    blobs.push(...zipDirectory(this.layout, files.map(({ crc }) => crc)));
    const blob = new Blob(blobs, { type: 'application/zip' });
    if (blob.size !== this.layout.size) throw new WhittleError('internal', 'the zip has not the size it should have');
    this.size = blob.size;
    if (!this.stream) {
      this.blob = blob;
      this.storage?.keep();
    } else {
      await blob.stream().pipeTo(this.stream);
      await this.storage?.end();
    }
  }
  async abort() {
    this.blob = null;
    this.size = 0;
    await this.storage?.end();
  }
}
