// What any platform can open: Maps, lists of Files, handles of the File System Access API.

import { toWhittleError, WhittleError } from './errors.mjs';
import { checkCount, isJunk, withoutTop } from './names.mjs';

const MAX_DEPTH = 32;

// {name, files: [{path, size, source: Blob}]}
export async function openLoose(source) {
  if (source instanceof Map) {
    return sorted(withoutTop([...source].map(([path, value]) => {
      const blob = value instanceof Blob ? value : new Blob([value]);
      return { path: path.replace(/^\/+/, ''), size: blob.size, source: blob };
    })));
  }
  if (source?.kind === 'directory') return sorted({ name: source.name || 'model', files: await walk(source) });
  if (source?.kind === 'file') {
    const file = await source.getFile();
    return { name: file.name, files: [{ path: file.name, size: file.size, source: file }] };
  }
  if (source && typeof source.length === 'number' && typeof source !== 'string') {
    return sorted(withoutTop(Array.from(source, (file) =>
      ({ path: file.webkitRelativePath || file.name, size: file.size, source: file }))));
  }
  throw new WhittleError('invalid_argument', 'open() takes a path (Node), a FileList, Files, a directory handle or a Map');
}

function sorted(opened) {
  checkCount(opened.files.length);
  opened.files.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return opened;
}

async function walk(folder, prefix = '', depth = 0, files = []) {
  if (depth > MAX_DEPTH) throw new WhittleError('limit', `folders lie deeper than ${MAX_DEPTH}`, [prefix]);
  for await (const entry of folder.values()) {
    const path = prefix + entry.name;
    if (isJunk(path)) continue;
    if (entry.kind === 'directory') await walk(entry, `${path}/`, depth + 1, files);
    else {
      try {
        const file = await entry.getFile();
        files.push({ path, size: file.size, source: file });
      } catch (thrown) {
        throw toWhittleError(thrown, path);
      }
    }
    checkCount(files.length);
  }
  return files;
}
