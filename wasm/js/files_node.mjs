// What Node can open: a path of a folder or file, or a Map of Blobs and byte arrays.

import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { toWhittleError, WhittleError } from './errors.mjs';
import { openLoose } from './files.mjs';
import { checkCount, isJunk } from './names.mjs';

const MAX_DEPTH = 32;  // a link that leads to its own parent ends here

export async function openSource(source) {
  return typeof source === 'string' ? openPath(source) : openLoose(source);
}

async function openPath(path) {
  let info;
  try {
    info = await stat(path);
  } catch (thrown) {
    throw toWhittleError(thrown, path);
  }
  const full = await realpath(path);
  const name = basename(resolve(path)) || 'model';
  if (info.isFile()) return { name, path: full, files: [{ path: name, size: info.size, source: full }] };
  if (!info.isDirectory()) throw new WhittleError('io', 'is neither a file nor a folder', [path]);

  const files = [];
  const walk = async (folder, prefix, depth) => {
    if (depth > MAX_DEPTH) throw new WhittleError('limit', `folders lie deeper than ${MAX_DEPTH}`, [prefix]);
    let entries;
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (thrown) {
      throw toWhittleError(thrown, prefix || path);
    }
    for (const entry of entries) {
      const relative = prefix + entry.name;
      if (isJunk(relative)) continue;
      const full = join(folder, entry.name);
      let entryInfo = entry;
      let size = 0;
      if (!entry.isDirectory()) {
        try {
          entryInfo = await stat(full);
          size = entryInfo.size;
        } catch (thrown) {
          throw toWhittleError(thrown, relative);
        }
      }
      if (entryInfo.isDirectory()) await walk(full, `${relative}/`, depth + 1);
      else if (entryInfo.isFile()) files.push({ path: relative, size, source: full });
      checkCount(files.length);
    }
  };
  await walk(full, '', 0);
  // By bytes of the path, as the native command orders them.
  files.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
  return { name, path: full, files };
}
