#!/usr/bin/env node
// Makes dist/worker_source.mjs: the browser's worker and all it imports as the text of one classic script; puts the license
// beside it.
//
//   node wasm/build.mjs [OUT]
//
// No bundler: the modules are put one after the other, without their import and export words. Their top-level names
// must differ, which a syntax check of the result would show.

import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Script } from 'node:vm';

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2] ?? join(here, 'dist', 'worker_source.mjs');

const order = [];
function visit(name) {
  if (order.includes(name)) return;
  const text = readFileSync(join(here, 'js', name), 'utf8');
  for (const [, dependency] of text.matchAll(/^import [^;]*? from '\.\/([^']+)';/gm)) visit(dependency);
  order.push(name);
}
visit('worker_browser.mjs');

const script = ['(() => {', "'use strict';", ...order.map((name) => readFileSync(join(here, 'js', name), 'utf8')
  .replace(/^import [^;]*;\n/gm, '')
  .replace(/^export \{[^}]*\};\n/gm, '')
  .replace(/^export /gm, '')
  .replace(/^ *\/\/.*\n/gm, '')   // whole-line comments
  .replace(/ {2}\/\/ [^'"`\n]*$/gm, '')
  .replace(/^ +/gm, '')
  .replace(/\n{2,}/g, '\n')), '})();'].join('\n');
new Script(script);

mkdirSync(dirname(out), { recursive: true });
writeFileSync(out, `export const workerSource = ${JSON.stringify(script)};\n`);
const license = join(here, '../LICENSE');
if (existsSync(license)) copyFileSync(license, join(dirname(out), 'LICENSE'));
