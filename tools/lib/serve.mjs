// serve.mjs: a small static file server for the page, on the loopback address.
//
//   node tools/lib/serve.mjs FOLDER [--port N]        prints the address, serves until Ctrl-C
//   const server = await serve(folder, { port: 0 })   for tests: { url, requests(), close() }
//
// It sends what any static host sends: content type, length, ranges, validators. No header that the page could come to
// depend on: no cross-origin isolation, no policy (the page carries its own).
import { createReadStream } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const kTypes = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.webmanifest': 'application/manifest+json; charset=utf-8',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
  '.zip': 'application/zip',
};

// The file that a request path names, below `root` and nowhere else; null when there is none.
async function locate(root, pathname) {
  let decoded;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return null;
  }
  if (decoded.includes('\0')) return null;
  let file = path.join(root, path.posix.normalize(decoded));
  try {
    if ((await stat(file)).isDirectory()) file = path.join(file, 'index.html');
    file = await realpath(file);
    if (file !== root && !file.startsWith(root + path.sep)) return null;
    const info = await stat(file);
    return info.isFile() ? { file, info } : null;
  } catch {
    return null;
  }
}

// `bytes=a-b`, `bytes=a-`, `bytes=-n` → [start, end] inclusive; null: answer whole; 'bad': cannot be satisfied.
export function parse_range(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return null;
  const start = match[1] === '' ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === '' || match[2] === '' ? size - 1 : Math.min(Number(match[2]), size - 1);
  return start > end || start >= size ? 'bad' : [start, end];
}

async function answer(root, request, response) {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { Allow: 'GET, HEAD' }).end();
    return;
  }
  const found = await locate(root, new URL(request.url, 'http://localhost').pathname);
  if (!found) {
    response.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8' }).end('not found\n');
    return;
  }
  const { file, info } = found;
  const tag = `"${info.size.toString(16)}-${Math.trunc(info.mtimeMs).toString(16)}"`;
  const headers = {
    'Content-Type': kTypes[path.extname(file).toLowerCase()] ?? 'application/octet-stream',
    'X-Content-Type-Options': 'nosniff',
    'Accept-Ranges': 'bytes',
    'Cache-Control': 'no-cache',
    ETag: tag,
  };
  if (request.headers['if-none-match'] === tag) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = parse_range(request.headers.range, info.size);
  if (range === 'bad') {
    response.writeHead(416, { ...headers, 'Content-Range': `bytes */${info.size}` }).end();
    return;
  }
  const [start, end] = range ?? [0, info.size - 1];
  headers['Content-Length'] = end - start + 1;
  if (range) headers['Content-Range'] = `bytes ${start}-${end}/${info.size}`;
  response.writeHead(range ? 206 : 200, headers);
  if (request.method === 'HEAD' || info.size === 0) {
    response.end();
    return;
  }
  createReadStream(file, { start, end })
    .on('error', () => response.destroy())
    .pipe(response);
}

// Serves `folder` until close(). `port` 0 takes a free one. requests() lists what was asked for since the last reset():
// [{method, url}], in order; a test of "nothing is sent" counts these.
export async function serve(folder, { port = 0 } = {}) {
  const root = await realpath(folder);
  let log = [];
  const server = createServer((request, response) => {
    log.push({ method: request.method, url: request.url });
    answer(root, request, response).catch(() => response.destroy());
  });
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${server.address().port}/`,
    requests: () => log.slice(),
    reset: () => {
      log = [];
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function parse_port(words) {
  if (words.length === 0) return 0;
  const text = words[0].startsWith('--port=') ? words[0].slice('--port='.length) : words[1];
  const rest = words.length - (words[0] === '--port' ? 2 : 1);
  return rest === 0 && /^\d{1,5}$/.test(text ?? '') && Number(text) < 65536 ? Number(text) : null;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder, ...words] = process.argv.slice(2);
  const port = parse_port(words);
  if (!folder || port === null) {
    console.error('usage: tools/serve [--port N]    N from 0 (any free port) to 65535');
    process.exit(2);
  }
  try {
    const server = await serve(folder, { port });
    console.log(`Whittle's page: ${server.url}    (Ctrl-C ends it)`);
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close().then(() => process.exit(0)));
  } catch (error) {
    const reason = error.code === 'EADDRINUSE' ? `port ${port} is in use` : error.message;
    console.error(`error: io: ${reason}`);
    process.exit(1);
  }
}
