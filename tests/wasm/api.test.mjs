// The package's API in Node, with the stand-in core (support/stub_core.cc): what surrounds the core, fault by fault.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { createOptimizer, directory, memory, WhittleError, zip } from '../../wasm/js/index.mjs';
import { createOptimizer as createOn } from '../../wasm/js/optimizer.mjs';
import { platform } from '../../wasm/js/platform_node.mjs';
import { bytesOf, needs, readTree, sameTree, someBytes, stubModule, stubResult, temporaryFolder, writeTree } from './support/setup.mjs';

const FILES = { 'saved_model.pb': someBytes(70_001, 1), 'variables/data': someBytes(3_000_017, 2), 'assets/empty': new Uint8Array(0) };
const built = needs('stubWasm');

describe('API in Node', built, () => {
  if (built.skip) return;
  const optimizers = [];
  after(() => Promise.all(optimizers.map((optimizer) => optimizer.close())));
  const make = async (options) => {
    const optimizer = await createOptimizer({ workers: 2, wasm: stubModule(), ...options });
    optimizers.push(optimizer);
    return optimizer;
  };
  const setUp = async (options) => {
    const folder = temporaryFolder();
    const input = writeTree(path.join(folder, 'model'), FILES);
    const optimizer = await make(options);
    return { folder, input, optimizer, model: await optimizer.open(input), out: path.join(folder, 'out') };
  };
  const left = (folder) => readdirSync(folder).filter((name) => name !== 'model');

  test('open() lists files and inspects', async () => {
    const { model } = await setUp();
    assert.equal(model.name, 'model');
    assert.deepEqual(model.files.map(({ path: name }) => name), ['assets/empty', 'saved_model.pb', 'variables/data']);
    assert.equal(model.summary.input.bytes, 32);
  });
  test('open() skips the inspection when asked', async () => {
    const { optimizer, input } = await setUp();
    assert.equal((await optimizer.open(input, { summary: false })).summary, null);
  });
  test('list() answers with rows', async () => {
    const optimizer = await make();
    assert.equal((await optimizer.list('presets'))[0].name, 'int8');
  });

  test('memory() holds the files', async () => {
    const { model } = await setUp();
    const sink = memory();
    const report = await model.optimize({ sink });
    sameTree(assert, sink.files, stubResult(FILES));
    assert.equal(report.output.bytes, [...sink.files.values()].reduce((sum, bytes) => sum + bytes.length, 0));
  });
  test('directory() is written in place, and nothing else is', async () => {
    const { model, folder, out } = await setUp();
    await model.optimize({ sink: directory(out) });
    sameTree(assert, readTree(out), stubResult(FILES));
    assert.deepEqual(left(folder), ['out']);
  });
  test('zip() with and without a target is the same zip', async () => {
    const { model, folder } = await setUp();
    const [blob, file] = [zip(undefined, { name: 'top' }), zip(path.join(folder, 'a.zip'), { name: 'top' })];
    const report = await model.optimize({ sink: blob });
    await model.optimize({ sink: file });
    const chunks = [];
    const stream = zip(new WritableStream({ write: (chunk) => { chunks.push(chunk); } }), { name: 'top' });
    await model.optimize({ sink: stream });
    const expected = Buffer.from(await blob.blob.arrayBuffer());
    assert.equal(report.output.zipped_bytes, expected.length);
    assert.equal(blob.size, expected.length);
    assert.equal(Buffer.compare(expected, bytesOf(path.join(folder, 'a.zip'))), 0);
    assert.equal(Buffer.compare(expected, Buffer.concat(chunks)), 0);
  });

  test('the same bytes with 1 and 8 workers, with large and with many jobs', async () => {
    for (const transforms of ['', 'many', 'strided']) {
      const results = [];
      for (const workers of [1, 8]) {
        const { model } = await setUp({ workers });
        const sink = memory();
        const report = await model.optimize({ sink, transforms });
        results.push({ sink, report });
      }
      sameTree(assert, results[0].sink.files, results[1].sink.files);
      assert.deepEqual(results[0].report, results[1].report);
    }
  });
  test('Maps of Blobs and byte arrays are read like files', async () => {
    const optimizer = await make();
    const model = await optimizer.open(new Map(Object.entries(FILES).map(([name, bytes], k) => [`m/${name}`, k % 2 ? bytes : new Blob([bytes])])));
    assert.equal(model.name, 'm');
    for (const transforms of ['', 'strided']) {
      const sink = memory();
      await model.optimize({ sink, transforms });
      if (transforms === '') sameTree(assert, sink.files, stubResult(FILES));
    }
  });
  test('progress never falls, ends at 1 and counts bytes', async () => {
    const { model } = await setUp();
    const seen = [];
    await model.optimize({ sink: memory(), onProgress: (progress) => seen.push(progress) });
    const fractions = seen.map(({ fraction }) => fraction);
    assert.deepEqual(fractions, [...fractions].sort((a, b) => a - b));
    assert.equal(fractions.at(-1), 1);
    assert.equal(seen.at(-1).phase, 'writing');
    assert.equal(seen.at(-1).bytesDone, seen.at(-1).bytesTotal);
  });

  test('two calls queue', async () => {
    const { model } = await setUp();
    const order = [];
    const run = (name) => model.optimize({ sink: memory(), onProgress: () => order.push(name) });
    await Promise.all([run('first'), run('second')]);
    assert.deepEqual(order, [...order].sort());
    assert.ok(order.includes('first') && order.includes('second'));
  });
  test('a failed call does not stop the next one in the queue', async () => {
    const { model } = await setUp();
    const sink = memory();
    const [failed] = await Promise.allSettled([model.optimize({ sink: memory(), transforms: 'corrupt' }), model.optimize({ sink })]);
    assert.equal(failed.reason.code, 'corrupt');
    assert.equal(sink.files.size, 6);
  });
  test('an aborted call in the queue rejects at once, and the running one goes on', async () => {
    const { model, out } = await setUp();
    const [stop, queued] = [new AbortController(), new AbortController()];
    const running = model.optimize({ sink: directory(out), transforms: 'slow', signal: stop.signal });
    const waiting = model.optimize({ sink: memory(), signal: queued.signal });
    queued.abort();
    await assert.rejects(waiting, { code: 'cancelled' });
    stop.abort();
    await assert.rejects(running, { code: 'cancelled' });
  });
  test('a signal that was aborted before rejects', async () => {
    const { model } = await setUp();
    await assert.rejects(model.optimize({ sink: memory(), signal: AbortSignal.abort() }), { code: 'cancelled' });
  });
  test('close() in the middle rejects with cancelled, and may be called twice', async () => {
    const { model, optimizer, folder, out } = await setUp();
    const running = model.optimize({ sink: directory(out), transforms: 'slow_job' });
    const queued = model.optimize({ sink: memory() });
    setTimeout(() => optimizer.close(), 100);
    const [first, second] = await Promise.allSettled([running, queued]);
    assert.equal(first.reason.code, 'cancelled');
    assert.equal(second.reason.code, 'cancelled');
    await optimizer.close();
    await assert.rejects(model.optimize({ sink: memory() }), { code: 'cancelled' });
    assert.deepEqual(left(folder), []);
  });

  for (const mode of ['slow', 'stuck', 'slow_job', 'stuck_job']) {
    test(`cancel stops within half a second and leaves nothing (${mode})`, async () => {
      const { model, folder, out } = await setUp();
      const stop = new AbortController();
      const running = model.optimize({ sink: directory(out), transforms: mode, signal: stop.signal });
      let asked;
      setTimeout(() => {
        asked = performance.now();
        stop.abort();
      }, 150);
      await assert.rejects(running, { code: 'cancelled' });
      assert.ok(performance.now() - asked < 1000, `${performance.now() - asked} ms`);
      assert.deepEqual(left(folder), []);
      const sink = memory();
      await model.optimize({ sink });
      sameTree(assert, sink.files, stubResult(FILES));
    });
  }

  for (const [mode, code, where] of [
    ['trap', 'internal'], ['trap_job', 'internal'], ['oom', 'limit'], ['oom_job', 'limit'],
    ['corrupt', 'corrupt', ['node a', 'saved_model.pb']], ['corrupt_job', 'corrupt', ['tensor a', 'variables.data']]]) {
    test(`${mode} rejects with ${code}, leaves nothing, and the next run works`, async () => {
      const { model, folder, out } = await setUp();
      await assert.rejects(model.optimize({ sink: directory(out), transforms: mode }), (error) => {
        assert.ok(error instanceof WhittleError);
        assert.equal(error.code, code);
        if (where) assert.deepEqual(error.where, where);
        return true;
      });
      assert.deepEqual(left(folder), []);
      const sink = memory();
      await model.optimize({ sink });
      sameTree(assert, sink.files, stubResult(FILES));
    });
  }
  test('after a trap the run is made once more, with one worker', async () => {
    const plans = [];
    const start = (number) => {
      const channel = platform.start(number);
      const { post } = channel;
      channel.post = (message, transfer) => {
        let sent = message;
        if (message.type === 'plan' && message.request.command === 'optimize') {
          plans.push(number);
          if (plans.length === 1) sent = { ...message, request: { ...message.request, options: { transforms: 'trap_job' } } };
        }
        return post(sent, transfer);
      };
      return channel;
    };
    const optimizer = await createOn({ ...platform, start }, { workers: 4, wasm: stubModule() });
    optimizers.push(optimizer);
    const model = await optimizer.open(new Map(Object.entries(FILES)));
    const sink = memory();
    await model.optimize({ sink });
    assert.equal(plans.length, 2);
    sameTree(assert, sink.files, stubResult(FILES));
  });
  test('a worker that dies is an internal error, and the next run works', async () => {
    const channels = [];
    const start = (number) => {
      const channel = platform.start(number);
      channels.push(channel);
      return channel;
    };
    const optimizer = await createOn({ ...platform, start }, { workers: 1, wasm: stubModule() });
    optimizers.push(optimizer);
    const model = await optimizer.open(new Map(Object.entries(FILES)));
    const running = model.optimize({ sink: memory(), transforms: 'slow' });
    setTimeout(() => channels[0].terminate(), 50);
    setTimeout(() => channels.at(-1).terminate(), 300);
    await assert.rejects(running, { code: 'internal', message: /a worker stopped/ });
    const sink = memory();
    await model.optimize({ sink });
    assert.equal(sink.files.size, 6);
  });

  test('a folder that is not empty is refused and stays as it is; force replaces it', async () => {
    const { model, folder, out } = await setUp();
    writeTree(out, { mine: someBytes(10) });
    await assert.rejects(model.optimize({ sink: directory(out) }), { code: 'invalid_argument', where: [out] });
    assert.deepEqual(readdirSync(out), ['mine']);
    await assert.rejects(model.optimize({ sink: directory(out), force: true, transforms: 'corrupt_job' }), { code: 'corrupt' });
    assert.deepEqual(readdirSync(out), ['mine']);
    await model.optimize({ sink: directory(out), force: true });
    sameTree(assert, readTree(out), stubResult(FILES));
    assert.deepEqual(left(folder), ['out']);
  });
  test('an empty folder is taken', async () => {
    const { model, folder, out } = await setUp();
    mkdirSync(out);
    await model.optimize({ sink: directory(out) });
    sameTree(assert, readTree(out), stubResult(FILES));
    assert.deepEqual(left(folder), ['out']);
  });
  test('a folder that is a mount is filled from the inside', async () => {
    const { model, folder, out } = await setUp();
    const inside = () => {
      const sink = directory(out);
      const prepare = sink.prepare.bind(sink);
      sink.prepare = async (context) => {
        await prepare(context);
        sink.inside = true;  // as when its device is not its parent's
      };
      return sink;
    };
    mkdirSync(out);
    await model.optimize({ sink: inside() });
    sameTree(assert, readTree(out), stubResult(FILES));
    writeTree(out, { mine: someBytes(10) });
    await assert.rejects(model.optimize({ sink: inside(), force: true, transforms: 'corrupt_job' }), { code: 'corrupt' });
    assert.deepEqual(readdirSync(out).sort(), ['copy', 'mine', 'out']);
    await model.optimize({ sink: inside(), force: true });
    sameTree(assert, readTree(out), stubResult(FILES));
    assert.deepEqual(left(folder), ['out']);
  });
  test('an output inside of the input, and around it, is refused, through links too', async () => {
    const { model, folder, input } = await setUp();
    symlinkSync(input, path.join(folder, 'link'));
    for (const out of [path.join(input, 'out'), input, folder, path.join(folder, 'link', 'out'), path.join(folder, 'link'), path.join(input, 'a.zip')]) {
      const sink = out.endsWith('.zip') ? zip(out) : directory(out);
      await assert.rejects(model.optimize({ sink, force: true }), { code: 'invalid_argument', message: /inside/ }, out);
    }
    assert.deepEqual(left(folder), ['link']);
    sameTree(assert, readTree(input), new Map(Object.entries(FILES)));
  });
  test('a parent folder that does not exist is refused', async () => {
    const { model, folder } = await setUp();
    await assert.rejects(model.optimize({ sink: directory(path.join(folder, 'no', 'out')) }), { code: 'not_found' });
    assert.deepEqual(left(folder), []);
  });
  test('a sink serves one run', async () => {
    const { model } = await setUp();
    const sink = memory();
    await model.optimize({ sink });
    await assert.rejects(model.optimize({ sink }), { code: 'invalid_argument' });
  });
  test('wrong options are refused by name', async () => {
    const { model } = await setUp();
    await assert.rejects(model.optimize({ sink: memory(), presset: 'int8' }), { code: 'invalid_argument', message: /presset/ });
    await assert.rejects(model.optimize({}), { code: 'invalid_argument', message: /sink/ });
    for (const workers of [0, 65, 1.5, '2']) {
      await assert.rejects(createOptimizer({ workers, wasm: stubModule() }), { code: 'invalid_argument' });
    }
    await assert.rejects(createOptimizer({ wasm: new Uint8Array(8) }), { code: 'unsupported' });
  });

  test('a path that does not exist', async () => {
    const optimizer = await make();
    const missing = path.join(temporaryFolder(), 'none');
    await assert.rejects(optimizer.open(missing), { code: 'not_found', where: [missing] });
  });
  test('a file that shrinks after it was opened is an error with its name', async () => {
    const { model, input, folder, out } = await setUp();
    truncateSync(path.join(input, 'variables/data'), 1000);
    await assert.rejects(model.optimize({ sink: directory(out) }), { code: 'io', where: ['variables/data'] });
    assert.deepEqual(left(folder), []);
  });
  test('a file that is gone or may not be read is an error with its name', async () => {
    const { model, input } = await setUp();
    if (process.getuid?.() === 0) rmSync(path.join(input, 'variables/data'));  // root may read everything
    else chmodSync(path.join(input, 'variables/data'), 0);
    await assert.rejects(model.optimize({ sink: memory() }), ({ code, where }) => /^(io|not_found)$/.test(code) && where[0] === 'variables/data');
  });
  test('links to folders that contain them end', async () => {
    const optimizer = await make();
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'saved_model.pb'), someBytes(20));
    symlinkSync(folder, path.join(folder, 'again'));
    await assert.rejects(optimizer.open(folder), { code: 'limit' });
  });
  test('an optimizer that is not closed does not keep the program alive', async () => {
    const { spawnSync } = await import('node:child_process');
    const folder = writeTree(temporaryFolder(), FILES);
    const program = `
      import { createOptimizer, memory } from ${JSON.stringify(new URL('../../wasm/js/index.mjs', import.meta.url).href)};
      import { readFileSync } from 'node:fs';
      const optimizer = await createOptimizer({ workers: 2, wasm: readFileSync(process.argv[1]) });
      const model = await optimizer.open(process.argv[2]);
      await model.optimize({ sink: memory() });
      console.log('done');`;
    const { paths } = await import('./support/setup.mjs');
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program, paths.stubWasm, folder], { encoding: 'utf8', timeout: 20_000 });
    assert.equal(run.stdout, 'done\n', run.stderr);
    assert.equal(run.status, 0);
  });
});
