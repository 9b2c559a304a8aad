// wasm/js/browser.mjs and its worker's source, with the stand-in core, in a browser made of Node's parts.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, before, describe, test } from 'node:test';
import { folderHandle, installBrowser } from './support/fake_browser.mjs';
import { needs, paths, readTree, root, sameTree, someBytes, stubModule, stubResult, temporaryFolder, writeTree } from './support/setup.mjs';

const FILES = { 'saved_model.pb': someBytes(70_001, 1), 'variables/data': someBytes(3_000_017, 2), 'assets/empty': new Uint8Array(0) };
const MAP = new Map(Object.entries(FILES).map(([name, bytes]) => [`m/${name}`, new Blob([bytes])]));
const built = needs('stubWasm');

function unzip(zip) {
  const python = 'import sys, zipfile, io, base64, json; z = zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read())); assert z.testzip() is None; ' +
    'print(json.dumps({n: base64.b64encode(z.read(n)).decode() for n in z.namelist()}))';
  const { stdout, stderr } = spawnSync('python3', ['-c', python], { input: zip, maxBuffer: 1 << 28 });
  assert.ok(stdout.length > 0, String(stderr));
  return new Map(Object.entries(JSON.parse(stdout)).map(([name, text]) => [name, Buffer.from(text, 'base64')]));
}

describe('API in browsers', built, () => {
  if (built.skip) return;
  let api, browser = null, optimizers = [];
  before(async () => {
    spawnSync(process.execPath, [path.join(root, 'wasm/build.mjs')]);
    api = await import('../../wasm/js/browser.mjs');
  });
  afterEach(async () => {
    await Promise.all(optimizers.map((optimizer) => optimizer.close()));
    optimizers = [];
    assert.equal(browser.workers.size, 0, 'workers are gone');
    browser.restore();
  });
  const make = async (options = {}, surroundings = {}) => {
    browser = installBrowser(surroundings);
    const optimizer = await api.createOptimizer({ wasm: stubModule(), ...options });
    optimizers.push(optimizer);
    return optimizer;
  };
  const prefixed = (top) => new Map([...stubResult(FILES)].map(([name, bytes]) => [`${top}/${name}`, bytes]));

  for (const byob of [true, false]) {
    test(`memory(), ${byob ? 'BYOB' : 'slices'}`, async () => {
      const optimizer = await make({ internal: { byob } });
      const model = await optimizer.open(MAP);
      const sink = api.memory();
      await model.optimize({ sink });
      sameTree(assert, sink.files, stubResult(FILES));
      const strided = api.memory();
      await model.optimize({ sink: strided, transforms: 'strided' });
      assert.equal(strided.files.size, 6);
    });
  }
  test('zip() from Blobs, where there is no private file system', async () => {
    const optimizer = await make();
    const model = await optimizer.open(MAP);
    const sink = api.zip();
    const report = await model.optimize({ sink });
    assert.equal(report.output.zipped_bytes, sink.blob.size);
    sameTree(assert, unzip(Buffer.from(await sink.blob.arrayBuffer())), prefixed('m'));
  });
  test('zip() from part files: the same bytes, kept until the next model comes', async () => {
    const opfs = temporaryFolder();
    const optimizer = await make({}, { opfs });
    const model = await optimizer.open(MAP);
    const sinks = [api.zip(), api.zip()];
    for (const sink of sinks) await model.optimize({ sink, transforms: 'many' });
    const [session] = readdirSync(path.join(opfs, 'whittle'));
    assert.deepEqual(readdirSync(path.join(opfs, 'whittle', session)).length, 2);
    const bytes = await Promise.all(sinks.map(async ({ blob }) => Buffer.from(await blob.arrayBuffer())));
    assert.equal(Buffer.compare(bytes[0], bytes[1]), 0);
    sameTree(assert, unzip(bytes[0]), prefixed('m'));
    await optimizer.open(MAP);
    assert.deepEqual(readdirSync(path.join(opfs, 'whittle', session)), []);
  });
  test('zip() to a stream leaves no part behind', async () => {
    const opfs = temporaryFolder();
    const optimizer = await make({}, { opfs });
    const model = await optimizer.open(MAP);
    const chunks = [];
    await model.optimize({ sink: api.zip(new WritableStream({ write: (chunk) => { chunks.push(chunk); } })) });
    sameTree(assert, unzip(Buffer.concat(chunks)), prefixed('m'));
    const [session] = readdirSync(path.join(opfs, 'whittle'));
    assert.deepEqual(readdirSync(path.join(opfs, 'whittle', session)), []);
  });
  test('what does not fit the quota while writing goes on in Blobs', async () => {
    const optimizer = await make({ workers: 1 }, { opfs: temporaryFolder(), quota: 2_000_000 });
    const model = await optimizer.open(MAP);
    const sink = api.zip();
    await model.optimize({ sink, transforms: 'many' });
    sameTree(assert, unzip(Buffer.from(await sink.blob.arrayBuffer())), prefixed('m'));
  });
  test('a private file system without synchronous handles is done without', async () => {
    const optimizer = await make({}, { opfs: temporaryFolder(), noHandles: true });
    const model = await optimizer.open(MAP);
    const sink = api.zip();
    await model.optimize({ sink });
    sameTree(assert, unzip(Buffer.from(await sink.blob.arrayBuffer())), prefixed('m'));
  });
  test('little storage and a small result: Blobs', async () => {
    const optimizer = await make({}, { opfs: temporaryFolder(), storage: 1000 });
    const model = await optimizer.open(MAP);
    const sink = api.zip();
    await model.optimize({ sink });
    assert.ok(sink.blob.size > 6e6);
  });
  test('what pages left behind that are gone is removed, what others hold is kept', async () => {
    const opfs = temporaryFolder();
    for (const name of ['dead', 'held']) writeTree(path.join(opfs, 'whittle', name), { 'run-0/part-0': someBytes(5) });
    browser = installBrowser({ opfs });
    browser.held.add('whittle-held');
    const optimizer = await api.createOptimizer({ wasm: stubModule() });
    optimizers.push(optimizer);
    const model = await optimizer.open(MAP);
    await model.optimize({ sink: api.zip() });
    const names = readdirSync(path.join(opfs, 'whittle'));
    assert.ok(names.includes('held') && !names.includes('dead'), names.join());
  });

  for (const move of [true, false]) {
    test(`directory(handle), ${move ? 'moving' : 'copying'} finished files`, async () => {
      const optimizer = await make();
      const model = await optimizer.open(MAP);
      const folder = temporaryFolder();
      await model.optimize({ sink: api.directory(folderHandle(folder, { move })) });
      sameTree(assert, readTree(folder), stubResult(FILES));
    });
  }
  test('directory(handle): not empty is refused, force replaces, failures leave what was there', async () => {
    const optimizer = await make();
    const model = await optimizer.open(MAP);
    const folder = writeTree(temporaryFolder(), { mine: someBytes(3) });
    const run = (options) => model.optimize({ sink: api.directory(folderHandle(folder)), ...options });
    await assert.rejects(run(), { code: 'invalid_argument' });
    await assert.rejects(run({ force: true, transforms: 'corrupt_job' }), { code: 'corrupt' });
    assert.deepEqual(readdirSync(folder), ['mine']);
    await run({ force: true });
    sameTree(assert, readTree(folder), stubResult(FILES));
  });
  test('cancel leaves the folder empty, and the next run works', async () => {
    const optimizer = await make();
    const model = await optimizer.open(MAP);
    const folder = temporaryFolder();
    for (const transforms of ['slow', 'stuck', 'slow_job', 'stuck_job']) {
      const stopped = model.optimize({ sink: api.directory(folderHandle(folder)), transforms, signal: AbortSignal.timeout(150) });
      await assert.rejects(stopped, { code: 'cancelled' });
      assert.deepEqual(readdirSync(folder), []);
    }
    const sink = api.memory();
    await model.optimize({ sink });
    sameTree(assert, sink.files, stubResult(FILES));
  });
  test('traps are told apart, and the next run works', async () => {
    const optimizer = await make();
    const model = await optimizer.open(MAP);
    for (const [transforms, code] of [['trap', 'internal'], ['trap_job', 'internal'], ['oom_job', 'limit']]) {
      await assert.rejects(model.optimize({ sink: api.zip(), transforms }), { code });
    }
    const sink = api.memory();
    await model.optimize({ sink });
    sameTree(assert, sink.files, stubResult(FILES));
  });
  test('blocked workers are said before a file is opened', async () => {
    for (const blockWorkers of ['throw', 'event']) {
      browser = installBrowser({ blockWorkers });
      await assert.rejects(api.createOptimizer({ wasm: stubModule() }), { code: 'unsupported', message: /workers are blocked/ });
      browser.restore();
    }
    browser = installBrowser();
  });
  test('a file that changed after it was chosen is an error with its name', async () => {
    const optimizer = await make();
    const opened = new Map([['saved_model.pb', new Blob([someBytes(50)])]]);
    Object.defineProperty(opened.get('saved_model.pb'), 'size', { value: 100 });
    const short = await optimizer.open(opened, { summary: false });
    await assert.rejects(short.optimize({ sink: api.memory() }), { code: 'io', where: ['saved_model.pb'] });
  });
  test('the module is fetched from beside the package by default', async () => {
    browser = installBrowser();
    const { fetch: before } = globalThis;
    const asked = [];
    globalThis.fetch = async (url) => {
      asked.push(String(url));
      return new Response(readFileSync(paths.stubWasm));
    };
    try {
      const optimizer = await api.createOptimizer();
      optimizers.push(optimizer);
      assert.match(asked[0], /dist\/whittle\.wasm$/);
    } finally {
      globalThis.fetch = before;
    }
  });
});
