// The wasm module and the sample model as JavaScript chunks: the page's policy is connect-src 'none', so it can fetch
// nothing, but it may import scripts of its own folder.
//
//   import packed from 'virtual:whittle-wasm'     the module, as base64 of gzip
//   import sample from 'virtual:sample'           {name, files: [[path, base64 of gzip], …]}
//
// gzip first: base64 of compressed bytes is compressed by a server to nearly their size, base64 of plain ones is not.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const pack = (file: string) => gzipSync(readFileSync(file), { level: 9 }).toString('base64');

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).sort();
}

export function embed({ module, sample }: { module: string; sample: string }): Plugin {
  const sources: Record<string, () => unknown> = {
    'virtual:whittle-wasm': () => pack(module),
    'virtual:sample': () => ({
      name: basename(sample),
      files: filesBelow(sample).map((file) => [relative(sample, file).replaceAll('\\', '/'), pack(file)]),
    }),
  };
  return {
    name: 'whittle-embed',
    enforce: 'pre',
    resolveId: (id) => (id in sources ? `\0${id}` : undefined),
    load(id) {
      const source = id.startsWith('\0') ? sources[id.slice(1)] : undefined;
      return source && `export default ${JSON.stringify(source())};`;
    },
    // The package's own way to its module would add a copy of it that nobody loads.
    transform: (code, id) => (id.endsWith('/wasm/js/browser.mjs')
      ? code.replace("new URL('../dist/whittle.wasm', import.meta.url)", "new URL('about:blank')") : undefined),
  };
}
