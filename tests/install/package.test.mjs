// The packed tarball in an empty project: the command, the API, the types, the examples.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { needs, paths, readTree, root, sameTree, temporaryFolder } from '../wasm/support/setup.mjs';

const sample = path.join(root, 'examples/sample/digits_cnn');
const built = needs('wasm');

function run(cwd, program, args, { expect = 0 } = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { cwd, encoding: 'utf8', maxBuffer: 1 << 26, env: { ...process.env, NODE_PATH: '' } });
  assert.ok(!error, error?.message);
  assert.equal(status, expect, stdout + stderr);
  return stdout;
}

// Folder of an installed tool of a package of ours, or null.
const toolFolder = (name) => ['wasm', 'web', 'tests/web'].map((folder) => path.join(root, folder, 'node_modules', name)).find((folder) => existsSync(folder));

describe('the packed tarball', built, () => {
  if (built.skip) return;
  let project, packed, files;
  before(() => {
    const folder = temporaryFolder();
    const source = path.join(folder, 'source');
    copyFileSync(path.join(root, 'LICENSE'), path.join(folder, 'LICENSE'));
    for (const name of ['bin', 'js', 'dist', 'package.json', 'build.mjs', 'README.md', 'NOTICES.md']) {
      const from = path.join(root, 'wasm', name);
      if (existsSync(from)) cpSync(from, path.join(source, name), { recursive: true });
    }
    mkdirSync(path.join(source, 'dist'), { recursive: true });
    copyFileSync(paths.wasm, path.join(source, 'dist/whittle.wasm'));
    const told = JSON.parse(run(source, 'npm', ['pack', '--json', '--pack-destination', folder, '--offline']));
    packed = path.join(folder, told[0].filename);
    files = told[0].files.map((file) => file.path);

    project = path.join(folder, 'an empty project');  // a space, as in many homes
    mkdirSync(project);
    writeFileSync(path.join(project, 'package.json'), '{ "name": "empty", "version": "1.0.0", "type": "module" }\n');
    run(project, 'npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', packed]);
  });

  test('holds what it needs and nothing else, and has no dependencies', () => {
    for (const name of ['bin/whittle.mjs', 'js/index.mjs', 'js/browser.mjs', 'js/index.d.ts', 'dist/whittle.wasm', 'dist/worker_source.mjs', 'dist/LICENSE', 'NOTICES.md', 'README.md', 'package.json']) {
      assert.ok(files.includes(name), name);
    }
    assert.deepEqual(files.filter((name) => !/^(bin|js|dist)\/[a-zA-Z_.]+$|^(package\.json|README\.md|NOTICES\.md)$/.test(name)), []);
    assert.deepEqual(readdirSync(path.join(project, 'node_modules')).filter((name) => !name.startsWith('.')), ['whittle-tf']);
    const manifest = JSON.parse(readFileSync(path.join(project, 'node_modules/whittle-tf/package.json'), 'utf8'));
    assert.equal(manifest.private, true);
    assert.equal(manifest.dependencies, undefined);
  });
  test('npx --no-install whittle: optimizes the sample', () => {
    assert.equal(run(project, 'npx', ['--no-install', 'whittle', '--version']).trim(), readFileSync(path.join(root, 'VERSION'), 'utf8').trim());
    const report = JSON.parse(run(project, 'npx', ['--no-install', 'whittle', 'optimize', sample, '-o', 'small', '--json']));
    assert.ok(report.bytes.after < report.bytes.before / 4, JSON.stringify(report.bytes));
    assert.ok(existsSync(path.join(project, 'small/saved_model.pb')));
    run(project, 'npx', ['--no-install', 'whittle', 'optimize'], { expect: 2 });
  });
  test('examples/node gives the same bytes as the command', () => {
    cpSync(path.join(root, 'examples/node/optimize.mjs'), path.join(project, 'optimize.mjs'));
    assert.match(run(project, process.execPath, ['optimize.mjs', sample, 'small2']), /^[0-9]+ -> [0-9]+ bytes\n$/);
    sameTree(assert, readTree(path.join(project, 'small2')), readTree(path.join(project, 'small')));
  });
  test('the types fit Node and browser programs', () => {
    const tsc = path.join(toolFolder('typescript') ?? '', 'bin/tsc');
    assert.ok(existsSync(tsc), 'TypeScript is not installed: tools/setup page');
    cpSync(path.join(root, 'tests/install/types'), project, { recursive: true });
    const common = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--target', 'es2022'];
    const types = path.dirname(toolFolder('@types/node'));
    run(project, process.execPath, [tsc, ...common, '--lib', 'es2022', '--types', 'node', '--typeRoots', types, 'node.mts']);
    run(project, process.execPath, [tsc, ...common, '--lib', 'es2022,dom,dom.iterable', '--types', '', 'browser.mts'].filter((word) => word !== '' && word !== '--types'));
  });
  test('examples/bundler builds: the module is an asset, the worker lies in the script', () => {
    const vite = path.join(toolFolder('vite') ?? '', 'bin/vite.js');
    assert.ok(existsSync(vite), 'Vite is not installed: tools/setup page');
    const bundler = path.join(project, 'bundler');
    cpSync(path.join(root, 'examples/bundler'), bundler, { recursive: true });
    run(bundler, process.execPath, [vite, 'build', '--logLevel', 'error']);
    const assets = readdirSync(path.join(bundler, 'dist/assets'));
    assert.ok(assets.some((name) => name.endsWith('.wasm')), assets.join());
    const script = readFileSync(path.join(bundler, 'dist/assets', assets.find((name) => name.endsWith('.js'))), 'utf8');
    assert.match(script, /self\.onmessage/);
    assert.doesNotMatch(script, /node:fs|worker_threads/);
  });
});
