// examples/plain-html and examples/bundler in Chromium: the sample goes in, the bytes that the command makes come out.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { bytesOf, needs, paths, root, temporaryFolder } from '../wasm/support/setup.mjs';

const sample = path.join(root, 'examples/sample/digits_cnn');
const folderOf = (name) => ['tests/web', 'web', 'wasm'].map((folder) => path.join(root, folder, 'node_modules', name)).find((folder) => existsSync(folder));
const chromium = [process.env.WHITTLE_CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'].find((file) => file && existsSync(file));
const lacking = [!chromium && 'Chromium', !folderOf('playwright-core') && 'playwright-core', !folderOf('vite') && 'Vite'].filter(Boolean);
const ready = lacking.length > 0 ? { skip: `missing: ${lacking.join(', ')} (tools/setup web)` } : needs('wasm');

const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };

describe('examples in Chromium', ready, () => {
  if (ready.skip) return;
  let browser, server, folder, expected;
  before(async () => {
    folder = temporaryFolder();
    const site = path.join(folder, 'site');
    mkdirSync(site);
    // The package as it is packed.
    const packed = path.join(folder, 'whittle-tf');
    for (const name of ['js', 'dist', 'package.json']) cpSync(path.join(root, 'wasm', name), path.join(packed, name), { recursive: true });
    assert.equal(spawnSync(process.execPath, [path.join(root, 'wasm/build.mjs'), path.join(packed, 'dist/worker_source.mjs')]).status, 0);
    copyFileSync(paths.wasm, path.join(packed, 'dist/whittle.wasm'));

    cpSync(path.join(root, 'examples/plain-html'), path.join(site, 'plain'), { recursive: true });
    symlinkSync(packed, path.join(site, 'plain/whittle-tf'));

    const bundler = path.join(folder, 'bundler');
    cpSync(path.join(root, 'examples/bundler'), bundler, { recursive: true });
    mkdirSync(path.join(bundler, 'node_modules'));
    symlinkSync(packed, path.join(bundler, 'node_modules/whittle-tf'));
    const vite = path.join(folderOf('vite'), 'bin/vite.js');
    const made = spawnSync(process.execPath, [vite, 'build', '--base', './', '--outDir', path.join(site, 'bundled')], { cwd: bundler, encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);

    const command = spawnSync(process.execPath, [paths.command, 'optimize', sample, '-o', path.join(folder, 'digits_cnn.zip'), '--quiet'],
      { env: { ...process.env, WHITTLE_WASM: paths.wasm }, encoding: 'utf8' });
    assert.equal(command.status, 0, command.stderr);
    expected = bytesOf(path.join(folder, 'digits_cnn.zip'));

    server = http.createServer((request, response) => {
      const file = path.join(site, path.normalize(decodeURIComponent(request.url.split('?')[0])));
      if (!file.startsWith(site) || !existsSync(file)) response.writeHead(404).end();
      else response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'application/octet-stream' }).end(readFileSync(file));
    });
    await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    const { chromium: launcher } = createRequire(path.join(folderOf('playwright-core'), 'package.json'))('playwright-core');
    browser = await launcher.launch({ executablePath: chromium, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] });
  });
  after(async () => {
    await browser?.close();
    server?.close();
  });

  async function open(where) {
    const page = await browser.newPage({ acceptDownloads: true });
    const failures = [];
    page.on('pageerror', (error) => failures.push(error.message));
    await page.goto(`http://127.0.0.1:${server.address().port}/${where}/index.html`);
    const said = (pattern) => page.waitForFunction((source) => new RegExp(source).test(document.querySelector('#said').textContent), pattern, { timeout: 60_000 });
    await said('Ready');
    await page.setInputFiles('#folder', sample);
    await said('->|[a-z]: ');
    assert.deepEqual(failures, []);
    return { page, text: await page.textContent('#said') };
  }

  test('plain-html: the download is what the command writes', async () => {
    const { page, text } = await open('plain');
    assert.match(text, /^[0-9]+ -> [0-9]+ bytes$/);
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    assert.equal(download.suggestedFilename(), 'digits_cnn.zip');
    assert.equal(Buffer.compare(bytesOf(await download.path()), Buffer.from(expected)), 0);
    await page.close();
  });
  test('bundler: the built page does the same', async () => {
    const { page, text } = await open('bundled');
    assert.match(text, new RegExp(`^[0-9]+ -> [0-9]+ bytes, ${expected.length} in the zip$`));
    await page.close();
  });
});
