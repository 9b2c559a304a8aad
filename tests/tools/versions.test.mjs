// One version number and one set of pins, wherever they are written.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (file) => readFileSync(path.join(root, file), 'utf8');
const version = read('VERSION').trim();

test('VERSION is a semantic version', () => {
  assert.match(version, /^\d+\.\d+\.\d+$/);
});

for (const file of ['wasm/package.json', 'web/package.json']) {
  test(`${file} has the version of VERSION and is private`, () => {
    const { version: theirs, private: is_private } = JSON.parse(read(file));
    assert.equal(theirs, version);
    assert.equal(is_private, true, 'nothing is published before an owner decides so');
  });
}

test('CHANGELOG has Unreleased on top, and no released section above the version', () => {
  const sections = [...read('CHANGELOG.md').matchAll(/^## (.+)$/gm)].map((match) => match[1]);
  assert.equal(sections[0], 'Unreleased');
  if (sections.length > 1) assert.ok(sections[1].startsWith(version), sections[1]);
});

test('protobuf has one version in set-up and build', () => {
  const built = /set\(whittle_protobuf_version (\S+)\)/.exec(read('cmake/protobuf_lite.cmake'))[1];
  const fetched = /protobuf_tarball=protobuf_(\S+)\.orig/.exec(read('tools/setup'))[1];
  const compiler = /protoc>=(\S+)/.exec(read('tools/packages.txt'))[1];
  assert.deepEqual([fetched, compiler], [built, built]);
});

test('every Python requirement is pinned', () => {
  for (const file of ['tools/requirements-oracle.txt', 'tools/requirements-node.txt']) {
    for (const line of read(file).split('\n')) {
      if (line.trim() !== '' && !/^#|^\s*--hash=/.test(line)) assert.match(line, /^[\w.-]+==\S+( \\)?$/, `${file}: ${line}`);
    }
  }
});

test('the workflows do nothing that tools/ does not', () => {
  for (const file of ['.github/workflows/ci.yml', '.github/workflows/pages.yml']) {
    assert.ok(existsSync(path.join(root, file)));
    const commands = [...read(file).matchAll(/^\s*(?:- )?run: (.+)$/gm)].map((match) => match[1]);
    assert.ok(commands.length > 0);
    for (const command of commands) assert.match(command, /^(?:\.ci\/run|tools\/|apt-get )/, `${file}: ${command}`);
  }
});
