import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { embed } from './embed.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: here('.'),
  base: './',  // any folder of any static host
  resolve: { alias: { 'whittle-tf': here('../wasm/js/browser.mjs') } },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  define: { WHITTLE_VERSION: JSON.stringify(readFileSync(here('../VERSION'), 'utf8').trim()) },
  plugins: [embed({ module: here('../wasm/dist/whittle.wasm'), sample: here('../examples/sample/digits_cnn') })],
  build: {
    outDir: here('dist'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: false,
    chunkSizeWarningLimit: 4000,  // the lazy chunks hold the wasm module and the sample
    reportCompressedSize: false,
  },
});
