// tools/setup on a machine where it has run: quiet, harmless, in any folder.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const run = (program, args, options) => spawnSync(program, args, { encoding: 'utf8', ...options });

// A clone without its git folder and builds, in a path with spaces.
function copy_tools() {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'whittle setup ')), 'a clone');
  mkdirSync(folder);
  cpSync(path.join(root, 'tools'), path.join(folder, 'tools'), {
    recursive: true,
    filter: (file) => !/(?:node_modules|fixtures|__pycache__)$/.test(file),
  });
  return folder;
}

test('a word that means nothing is a usage error that says what there is', () => {
  for (const args of [[], ['everything'], ['run', '--force']]) {
    const { status, stderr } = run(path.join(root, 'tools/setup'), args);
    assert.equal(status, 2);
    assert.match(stderr, /oracle +TensorFlow/);
  }
});

test('--check lists tools with versions and changes nothing', () => {
  const folder = copy_tools();
  const { status, stdout } = run(path.join(folder, 'tools/setup'), ['--check', 'run']);
  assert.equal(status, 2, 'protobuf is missing in a new clone');
  assert.match(stdout, /^found +emscripten: .* \d+\.\d+\.\d+$/m);
  assert.match(stdout, /^missing protobuf 3\.21\.12/m);
  assert.throws(() => statSync(path.join(folder, '.cache/downloads')));
  rmSync(path.dirname(folder), { recursive: true });
});

test('--offline never installs and says what to place where', () => {
  const folder = copy_tools();
  const { status, stderr } = run(path.join(folder, 'tools/setup'), ['--offline', 'run']);
  assert.equal(status, 2);
  assert.match(stderr, /place protobuf_3\.21\.12\.orig\.tar\.gz \(sha256 [0-9a-f]{64}\) in \.cache\/downloads/);
  rmSync(path.dirname(folder), { recursive: true });
});

test('a damaged download is not taken', () => {
  const folder = copy_tools();
  mkdirSync(path.join(folder, '.cache/downloads'), { recursive: true });
  writeFileSync(path.join(folder, '.cache/downloads/protobuf_3.21.12.orig.tar.gz'), 'damaged');
  const { status } = run(path.join(folder, 'tools/setup'), ['--offline', 'run']);
  assert.equal(status, 2);
  rmSync(path.dirname(folder), { recursive: true });
});

test('an older Node in front of PATH is passed over', () => {
  const folder = copy_tools();
  const fake = path.join(folder, 'bin');
  mkdirSync(fake);
  writeFileSync(path.join(fake, 'node'), '#!/bin/sh\necho v18.20.4\n', { mode: 0o755 });
  const script = 'root=$1; . "$root/tools/lib/env.sh"; find_node; find_node';
  const { stdout } = run('bash', ['-c', script, 'x', folder], { env: { ...process.env, PATH: `${fake}:${process.env.PATH}` } });
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, 2);
  assert.notEqual(lines[0], path.join(fake, 'node'));
  assert.equal(lines[1], lines[0], 'remembered');
  rmSync(path.dirname(folder), { recursive: true });
});

test('the second set-up has nothing to do and says nothing', () => {
  const { status, stdout, stderr } = run(path.join(root, 'tools/setup'), ['--no-build', 'run']);
  assert.deepEqual([status, stdout, stderr], [0, '', '']);
});
