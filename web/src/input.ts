// What a user gives, as a source for Optimizer.open(): from a drop, a folder input or a files input.
//
// Items of a drop are dead after the first await, so everything is asked for in the event itself. In order of preference:
// a handle (works everywhere it exists), an entry (every browser, not from file://), a plain file. The File that a browser
// makes up for a folder is never taken for data.
import type { Source } from 'whittle-tf';
import { toWhittleError } from '../../wasm/js/errors.mjs';
import { checkCount, isJunk } from '../../wasm/js/names.mjs';

export interface Given { name: string; source: Promise<Source> }

export function fromDrop(data: DataTransfer): Given | null {
  const items = [...data.items].filter((item) => item.kind === 'file').map((item) => {
    const entry = item.webkitGetAsEntry?.() ?? null;
    return {
      entry,
      handle: item.getAsFileSystemHandle?.().catch(() => null) ?? Promise.resolve(null),
      file: entry?.isDirectory ? null : item.getAsFile(),
    };
  });
  const [first] = items;
  if (!first) return null;
  const name = first.entry?.name ?? first.file?.name ?? 'model';
  const source = async (): Promise<Source> => {
    const handle = items.length === 1 ? await first.handle : null;
    if (handle) return handle as FileSystemDirectoryHandle | FileSystemFileHandle;
    const files = new Map<string, File>();
    for (const { entry, file } of items) {
      if (entry) await walk(entry, '', files);
      else if (file) files.set(file.name, file);
    }
    return files;
  };
  return { name, source: source() };
}

// readEntries answers with at most 100 at a time, and with none at the end.
async function walk(entry: FileSystemEntry, prefix: string, files: Map<string, File>): Promise<void> {
  const path = prefix + entry.name;
  if (isJunk(path)) return;
  try {
    if (entry.isFile) {
      files.set(path, await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
    } else {
      const reader = (entry as FileSystemDirectoryEntry).createReader();
      for (;;) {
        const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
        if (some.length === 0) break;
        for (const inner of some) await walk(inner, `${path}/`, files);
      }
    }
  } catch (thrown) {
    throw toWhittleError(thrown, path);
  }
  checkCount(files.size);
}

export function fromInput(input: HTMLInputElement): Given | null {
  const files = [...(input.files ?? [])];
  input.value = '';  // the same folder can be chosen again
  const [first] = files;
  if (!first) return null;
  const top = first.webkitRelativePath.split('/')[0];
  return { name: top || (files.length === 1 ? first.name : 'model'), source: Promise.resolve(top ? files : placed(files)) };
}

// Loose files have lost their folders; those of a SavedModel can be put back by their names. (Browsers without folder input.)
function placed(files: File[]): Source {
  if (!files.some((file) => /^saved_model\.pb(txt)?$/.test(file.name))) return files;
  return new Map(files.map((file) => [/^variables\.(index|data-)/.test(file.name) ? `variables/${file.name}` : file.name, file]));
}

export const canChooseFolders = () => 'webkitdirectory' in HTMLInputElement.prototype;
