import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Core, imports, Session } from '../../wasm/js/loader.mjs';
import { needs, paths, root, stubModule } from './support/setup.mjs';

// Everything the modules may ask of their surroundings.
const ALLOWED = ['env.emscripten_notify_memory_growth', 'wasi_snapshot_preview1.clock_time_get', 'wasi_snapshot_preview1.fd_close',
  'wasi_snapshot_preview1.fd_seek', 'wasi_snapshot_preview1.fd_write', 'wasi_snapshot_preview1.proc_exit'];

describe('loader', () => {
  test('offers exactly the imports that are allowed', () => {
    const offered = Object.entries(imports(() => null)).flatMap(([from, names]) => Object.keys(names).map((name) => `${from}.${name}`));
    assert.deepEqual(offered.sort(), ALLOWED);
  });

  for (const which of ['wasm', 'stubWasm']) {
    test(`the module imports no more than is allowed (${which})`, needs(which), () => {
      const module = new WebAssembly.Module(readFileSync(paths[which]));
      const asked = WebAssembly.Module.imports(module).map(({ module: from, name }) => `${from}.${name}`);
      assert.deepEqual(asked.filter((name) => !ALLOWED.includes(name)), []);
    });
    test(`starts and tells the version of the package (${which})`, needs(which), () => {
      const core = new Core(new WebAssembly.Module(readFileSync(paths[which])));
      const version = JSON.parse(readFileSync(path.join(root, 'wasm/package.json'), 'utf8')).version;
      assert.equal(core.text('whittle_version'), version);
      assert.equal(version, readFileSync(path.join(root, 'VERSION'), 'utf8').trim());
    });
  }

  test('the worker source of browsers is one classic script without imports', async () => {
    const { spawnSync } = await import('node:child_process');
    const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'wasm/build.mjs')], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
    const { workerSource } = await import('../../wasm/dist/worker_source.mjs');
    assert.doesNotMatch(workerSource, /^(import|export) /m);
    assert.match(workerSource, /self\.onmessage/);
  });

  test('a trap ends the instance, and only it', needs('stubWasm'), () => {
    const core = new Core(stubModule());
    const session = new Session(core, { command: 'optimize', files: [], options: { transforms: 'trap' } });
    assert.throws(() => session.step(), { code: 'internal' });
    assert.throws(() => session.step(), { code: 'internal', message: /earlier fault/ });
    assert.ok(new Core(stubModule()).text('whittle_version'));
  });

  test('an exhausted heap is a limit, not a fault', needs('stubWasm'), () => {
    const core = new Core(stubModule());
    const session = new Session(core, { command: 'optimize', files: [], options: { transforms: 'oom' } });
    assert.throws(() => session.step(), { code: 'limit' });
  });

  test('an allocation that does not fit throws a limit and leaves the instance alive', needs('stubWasm'), () => {
    const core = new Core(stubModule());
    assert.throws(() => core.withBytes(2 ** 32 - 100, () => {}), { code: 'limit' });
    assert.ok(core.text('whittle_version'));
  });

  test('names that are not UTF-8 or not JSON-safe cross the border', needs('stubWasm'), () => {
    const core = new Core(stubModule());
    const name = 'a"\\\n\u2028\u{1F600}';
    const session = new Session(core, { command: 'optimize', files: [{ path: name, size: 4 }], options: {} });
    assert.equal(session.step(), 'need');
    core.withCopy(Uint8Array.of(1, 2, 3, 4), (pointer) => session.provide(session.needs()[0], pointer));
    assert.equal(session.step(), 'jobs');
    session.jobDone(0, new TextEncoder().encode('r'));
    assert.equal(session.step(), 'planned');
    assert.equal(session.outputs()[0].path, `out/${name}`);
  });
});
