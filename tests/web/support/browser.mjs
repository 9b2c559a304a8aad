// What the tests of the page share: one browser and one server a file, pages in contexts of their own, and what Node's
// own API makes of a model, to compare with.
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { serve } from '../../../tools/lib/serve.mjs';
import { createOptimizer, memory, zip } from '../../../wasm/js/index.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
export const sample = path.join(root, 'examples/sample/digits_cnn');
const dist = path.join(root, 'web/dist');

// Machines that run this also compile: nothing is expected to be quick.
export const kPatience = 120_000;

function findBrowser() {
  const names = ['chromium', 'google-chrome', 'google-chrome-stable'];
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  const onPath = names.flatMap((name) => folders.map((folder) => path.join(folder, name)));
  const given = process.env.WHITTLE_CHROMIUM;
  return [...(given ? [given, ...folders.map((folder) => path.join(folder, given))] : []), ...onPath].find((file) => existsSync(file));
}
const executablePath = findBrowser();
export const needsBrowser = executablePath ? {} : { skip: 'no browser: neither WHITTLE_CHROMIUM nor chromium on PATH' };

// `site` fills while the file's tests run: {browser, server}.
export const site = {};
export function useSite() {
  if (!executablePath) return;
  before(async () => {
    assert.ok(existsSync(path.join(dist, 'index.html')), 'web/dist is not built: tools/build page');
    site.server = await serve(dist);
    site.browser = await chromium.launch({
      executablePath,
      timeout: kPatience,
      args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
  });
  after(async () => {
    await site.browser?.close();
    await site.server?.close();
  });
}

// Calls body(page) with a new page that has loaded the site; what it throws or logs as an error fails the test.
export async function withPage(body, { script, context: options = {}, ready = true, errors = [] } = {}) {
  const context = await site.browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
  context.setDefaultTimeout(kPatience);
  try {
    const page = await context.newPage();
    const wrong = [];
    page.on('pageerror', (error) => wrong.push(String(error)));
    page.on('console', (message) => { if (message.type() === 'error') wrong.push(message.text()); });
    if (script) await page.addInitScript(script);
    await page.goto(site.server.url);
    if (ready) await page.getByTestId('ready').getByText('Ready.').waitFor();
    await body(page);
    assert.deepEqual(wrong.filter((text) => !errors.some((expected) => expected.test(text))), []);
  } finally {
    await context.close();
  }
}

// For withPage({script}): while window.hold is set, one piece of work is done slowly and no more are handed to workers, so
// that a run stays in the middle.
export const holdWork = () => {
  const { postMessage } = Worker.prototype;
  let handed = false;
  Worker.prototype.postMessage = function post(message, ...rest) {
    if (!window.hold || message?.type !== 'task') postMessage.call(this, message, ...rest);
    else if (!handed) {
      handed = true;
      setTimeout(() => postMessage.call(this, message, ...rest), 300);
    }
  };
};
export async function stopInTheMiddle(page) {
  await page.evaluate(() => { window.hold = true; });
  await page.getByTestId('sample').click();
  await page.getByTestId('model-card').waitFor();
  await page.getByTestId('progress').waitFor();
}

// As a user would, from the desktop: the browser makes the entries and handles.
export async function drop(page, files, { upTo = 'drop' } = {}) {
  const cdp = await page.context().newCDPSession(page);
  const data = { items: [], files: [files].flat(), dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await cdp.send('Input.dispatchDragEvent', { type, x: 300, y: 300, data });
    if (type === upTo) break;
  }
  await cdp.detach();
}

export async function download(page) {
  const [taken] = await Promise.all([page.waitForEvent('download'), page.getByTestId('download').click()]);
  assert.equal(await taken.failure(), null);
  return { name: taken.suggestedFilename(), bytes: readFileSync(await taken.path()) };
}

// ---- what Node's API makes of the same ----------------------------------------------------------------------------

async function inNode(model, preset, sink, options = {}) {
  const optimizer = await createOptimizer({ workers: 1 });
  try {
    const opened = await optimizer.open(model, { summary: false });
    return { report: await opened.optimize({ preset, sink, ...options }), sink };
  } finally {
    await optimizer.close();
  }
}
export async function zipFromNode(model, preset, name, options) {
  const { sink } = await inNode(model, preset, zip(undefined, { name }), options);
  return Buffer.from(await sink.blob.arrayBuffer());
}
export async function filesFromNode(model, preset) {
  return (await inNode(model, preset, memory())).sink.files;
}

// ---- files ----------------------------------------------------------------------------------------------------------

const folders = [];
after(() => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }); });
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'whittle-page-'));
  folders.push(folder);
  return folder;
}
export function copyOfSample() {
  const copy = path.join(temporaryFolder(), 'digits_cnn');
  cpSync(sample, copy, { recursive: true });
  return copy;
}
