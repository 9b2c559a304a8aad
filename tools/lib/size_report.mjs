// size_report.mjs: sizes of what is shipped, beside their limits in tools/size_budget.json.
//
//   tools/size_report [--check] [--json]
//
// --check exits with 1 when a part is over its limit or a file of it is missing; build first (tools/setup page, tools/serve).
// A part is a list of files, or an HTML page with all it loads by itself: scripts, styles, preloads, and what those import
// statically. Each file is compressed alone, as a server sends it: brotli 11 or gzip 9. kB is 1000 bytes.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const options = new Set(process.argv.slice(2));
for (const option of options) {
  if (option !== '--check' && option !== '--json') {
    console.error('usage: tools/size_report [--check] [--json]');
    process.exit(2);
  }
}

function compressed_size(bytes, encoding) {
  if (encoding === 'gzip') return gzipSync(bytes, { level: 9 }).length;
  return brotliCompressSync(bytes, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length },
  }).length;
}

// `*` stands for any characters within one name, in the last place of a path.
function expand(pattern) {
  const folder = path.dirname(pattern);
  const name = path.basename(pattern);
  if (!name.includes('*')) return [pattern];
  const expression = new RegExp(`^${name.split('*').map((s) => s.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`);
  if (!existsSync(path.join(root, folder))) return [pattern];
  return readdirSync(path.join(root, folder)).filter((file) => expression.test(file)).sort().map((file) => `${folder}/${file}`);
}

// The page and, transitively, what a browser loads for it without being asked.
function page_files(page) {
  const files = [];
  const add = (file) => {
    if (files.includes(file)) return;
    files.push(file);
    if (!existsSync(path.join(root, file))) return;
    const text = readFileSync(path.join(root, file), 'utf8');
    const local = (reference) => {
      if (!/^(?:[a-z]+:|\/\/|#)/i.test(reference)) add(path.posix.normalize(reference.startsWith('/') ? path.posix.join(path.dirname(page), reference) : path.posix.join(path.dirname(file), reference)));
    };
    if (file.endsWith('.html')) {
      for (const [tag] of text.matchAll(/<(?:script|link)\b[^>]*>/gi)) {
        const reference = /\b(?:src|href)\s*=\s*["']?([^"'\s>]+)/i.exec(tag)?.[1];
        if (reference && (/^<script/i.test(tag) || /\brel\s*=\s*["']?(?:stylesheet|modulepreload|preload|icon)/i.test(tag))) local(reference);
      }
    } else if (/\.m?js$/.test(file)) {
      for (const match of text.matchAll(/\b(?:import|from)\s*["'](\.{1,2}\/[^"']+)["']/g)) local(match[1]);
    }
  };
  add(page);
  return files;
}

const { parts } = JSON.parse(readFileSync(path.join(root, 'tools/size_budget.json'), 'utf8'));
const rows = parts.map(({ name, encoding, limit, files, page }) => {
  const found = page ? page_files(page) : files.flatMap(expand);
  const missing = found.filter((file) => !existsSync(path.join(root, file)));
  const sizes = found
    .filter((file) => !missing.includes(file))
    .map((file) => {
      const bytes = readFileSync(path.join(root, file));
      return { file, bytes: bytes.length, compressed: compressed_size(bytes, encoding) };
    });
  const compressed = sizes.reduce((sum, { compressed: size }) => sum + size, 0);
  return { name, encoding, limit, compressed, ok: missing.length === 0 && compressed <= limit, missing, files: sizes };
});

const kb = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
if (options.has('--json')) {
  console.log(JSON.stringify({ parts: rows }, null, 1));
} else {
  for (const row of rows) {
    console.log(`${row.ok ? 'ok    ' : 'OVER  '}${row.name}: ${kb(row.compressed)} ${row.encoding}, limit ${kb(row.limit)}`);
    for (const { file, bytes, compressed } of row.files) console.log(`        ${kb(compressed).padStart(9)} of ${kb(bytes).padStart(9)}  ${file}`);
    for (const file of row.missing) console.log(`        missing: ${file}`);
  }
}
if (process.env.WHITTLE_SUITE_JSON) {
  const failed = rows.filter((row) => !row.ok).map((row) => ({
    name: row.name,
    message: row.missing.length > 0 ? `missing: ${row.missing.join(', ')}` : `${row.compressed} bytes of ${row.encoding}, limit ${row.limit}`,
  }));
  writeFileSync(process.env.WHITTLE_SUITE_JSON, JSON.stringify({ cases: rows.length, failed, skipped: [], slowest: [] }));
}
if (options.has('--check') && rows.some((row) => !row.ok)) process.exitCode = 1;
