// The lazy chunk: the JavaScript API and the wasm module inside. Nothing of it is needed to show the page.
import packed from 'virtual:whittle-wasm';
import { unpack } from './unpack';

export { createOptimizer, directory, zip } from 'whittle-tf';

let compiled: Promise<WebAssembly.Module> | undefined;
export function wasmModule(): Promise<WebAssembly.Module> {
  compiled ??= unpack(packed).then((bytes) => WebAssembly.compile(bytes));
  compiled.catch(() => {});  // createOptimizer says it better where WebAssembly is missing
  return compiled;
}
