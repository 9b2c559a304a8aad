// Names of files, as the platforms of users treat them. Pure functions; tests/wasm/names.test.mjs.

import { WhittleError } from './errors.mjs';

export const MAX_FILES = 50_000;

// Left by file managers and archivers; never part of a model.
export const isJunk = (path) => path.split('/').some((part) => part === '.DS_Store' || part === '__MACOSX' ||
  part === 'Thumbs.db' || part === 'desktop.ini' || part.startsWith('._'));

// {name, files} of loose files with relative paths: a top folder that all share becomes the name.
export function withoutTop(files, name = 'model') {
  const kept = files.filter((file) => !isJunk(file.path));
  const top = kept.length > 0 && kept[0].path.includes('/') ? kept[0].path.split('/')[0] : null;
  if (top && kept.every((file) => file.path.startsWith(`${top}/`))) {
    return { name: top, files: kept.map((file) => ({ ...file, path: file.path.slice(top.length + 1) })) };
  }
  return { name: kept.length === 1 ? kept[0].path : name, files: kept };
}

export function checkCount(count) {
  if (count > MAX_FILES) {
    throw new WhittleError('limit', `the folder holds more than ${MAX_FILES} files; choose the model's own folder`);
  }
}

const RESERVED = /^(con|prn|aux|nul|com[1-9]|lpt[1-9])(\.|$)/i;

// Refuses output paths that `system` (process.platform) cannot hold, before anything is written.
export function checkOutputNames(paths, system) {
  const windows = system === 'win32';
  const folds = windows || system === 'darwin';
  const seen = new Map();
  for (const path of paths) {
    const parts = path.split('/');
    if (path.includes('\0') || parts.some((part) => part === '' || part === '.' || part === '..')) {
      throw new WhittleError('internal', 'an output path leaves its folder', [path]);
    }
    if (windows && parts.some((part) => RESERVED.test(part) || /[<>:"|?*\\\u0001-\u001f]|[. ]$/.test(part))) {
      throw new WhittleError('unsupported', 'Windows cannot hold a file of this name; write a zip instead', [path]);
    }
    const key = folds ? path.normalize('NFC').toLowerCase() : path;
    if (seen.has(key)) {
      throw new WhittleError('unsupported', `this system takes the names for those of one file: ${seen.get(key)}`, [path]);
    }
    seen.set(key, path);
  }
}
