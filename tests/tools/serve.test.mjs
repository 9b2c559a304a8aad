// tools/serve's server: types, ranges, what it refuses, what it counts.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';

import { parse_range, serve } from '../../tools/lib/serve.mjs';

let folder, server;
before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'whittle serve '));
  mkdirSync(path.join(folder, 'site/deep'), { recursive: true });
  writeFileSync(path.join(folder, 'secret.txt'), 'outside');
  writeFileSync(path.join(folder, 'site/index.html'), '<title>x</title>');
  writeFileSync(path.join(folder, 'site/deep/index.html'), 'deep');
  writeFileSync(path.join(folder, 'site/whittle.wasm'), Buffer.from([0, 97, 115, 109]));
  writeFileSync(path.join(folder, 'site/a b.js'), '1');
  writeFileSync(path.join(folder, 'site/empty.txt'), '');
  symlinkSync('../secret.txt', path.join(folder, 'site/link.txt'));
  server = await serve(path.join(folder, 'site'));
});
beforeEach(() => server.reset());
after(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const get = (url, options) => fetch(new URL(url, server.url), options);

// fetch() tidies `..` away before sending; this sends the path as it is.
function raw_status(path_as_is) {
  const { hostname, port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: path_as_is }, (response) => resolve(response.resume().statusCode)).on('error', reject).end();
  });
}

test('an address on the loopback interface, at a free port', () => {
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:[1-9]\d*\/$/);
});

test('each type as browsers need it, and never to be guessed', async () => {
  for (const [url, type] of [['/', 'text/html; charset=utf-8'], ['/whittle.wasm', 'application/wasm'], ['/a%20b.js', 'text/javascript; charset=utf-8']]) {
    const response = await get(url);
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('content-type'), type);
    assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
    await response.arrayBuffer();
  }
});

test('sends no header that another host would not', async () => {
  const response = await get('/');
  for (const name of ['cross-origin-opener-policy', 'cross-origin-embedder-policy', 'content-security-policy']) {
    assert.equal(response.headers.get(name), null);
  }
});

test('a folder answers with its index, an empty file with nothing', async () => {
  assert.equal(await (await get('/deep/')).text(), 'deep');
  assert.equal(await (await get('/empty.txt')).text(), '');
});

test('ranges', async () => {
  const response = await get('/whittle.wasm', { headers: { range: 'bytes=1-2' } });
  assert.equal(response.status, 206);
  assert.equal(response.headers.get('content-range'), 'bytes 1-2/4');
  assert.equal(await response.text(), 'as');
  assert.equal((await get('/whittle.wasm', { headers: { range: 'bytes=9-' } })).status, 416);
  assert.deepEqual(parse_range('bytes=-2', 10), [8, 9]);
  assert.deepEqual(parse_range('bytes=5-', 10), [5, 9]);
  assert.equal(parse_range('lines=1-2', 10), null);
});

test('nothing outside the folder, by dots or by links', async () => {
  for (const url of ['/../secret.txt', '/%2e%2e/secret.txt', '/deep/../../secret.txt', '/link.txt', '/%00', '/%zz']) {
    assert.equal(await raw_status(url), 404, url);
  }
});

test('only reads', async () => {
  assert.equal((await get('/', { method: 'POST', body: 'x' })).status, 405);
});

test('requests are counted until reset', async () => {
  await (await get('/?a=1')).text();
  assert.equal((await get('/missing')).status, 404);
  assert.deepEqual(server.requests(), [{ method: 'GET', url: '/?a=1' }, { method: 'GET', url: '/missing' }]);
  server.reset();
  assert.deepEqual(server.requests(), []);
});
