// Compiles with the DOM library and without Node's types.
import { createOptimizer, directory, type Source, zip } from 'whittle-tf';

declare const list: FileList, files: File[], folder: FileSystemDirectoryHandle, file: FileSystemFileHandle;
const optimizer = await createOptimizer({ wasm: fetch('whittle.wasm') });
const sources: Source[] = [list, files, folder, file, new Map([['a', new Blob([])]])];
for (const source of sources) {
  const model = await optimizer.open(source);
  await model.optimize({ sink: directory(folder) });
  await model.optimize({ sink: zip(new WritableStream<Uint8Array>()) });
}
