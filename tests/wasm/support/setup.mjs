// What the tests of this folder share: where the builds lie, temporary folders, models of the stand-in core.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');
const built = (variable, relative) => process.env[variable] ?? path.join(root, relative);

// The shipped module and the native command; the same with the stand-in core (support/stub_core.cc).
export const paths = {
  wasm: built('WHITTLE_WASM', 'wasm/dist/whittle.wasm'),
  native: built('WHITTLE_NATIVE', 'build/native/tools/whittle/whittle'),
  stubWasm: built('WHITTLE_STUB_WASM', 'build/wasm-tests/tests/wasm/stub.wasm'),
  stubNative: built('WHITTLE_STUB_NATIVE', 'build/native/tests/wasm/whittle_stub'),
  command: path.join(root, 'wasm/bin/whittle.mjs'),
};
delete process.env.WHITTLE_WASM;

// For a test's options: {skip} with the reason when one of the builds is missing.
export const needs = (...names) => {
  const missing = names.filter((name) => !existsSync(paths[name]));
  return missing.length > 0 ? { skip: `not built: ${missing.map((name) => path.relative(root, paths[name])).join(', ')}` } : {};
};

export const bytesOf = (file) => new Uint8Array(readFileSync(file));
let compiled;
export const stubModule = () => (compiled ??= new WebAssembly.Module(readFileSync(paths.stubWasm)));

const folders = [];
after(() => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }); });
export function temporaryFolder() {
  const folder = mkdtempSync(path.join(tmpdir(), 'whittle-test-'));
  folders.push(folder);
  return folder;
}

// Bytes that look like nothing in particular, the same every time.
export function someBytes(size, seed = 1) {
  const bytes = new Uint8Array(size);
  let state = seed >>> 0;
  for (let i = 0; i < size; ++i) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

export function writeTree(folder, files) {
  for (const [name, bytes] of Object.entries(files)) {
    const file = path.join(folder, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, bytes);
  }
  return folder;
}

// Map of relative path → bytes; with a file, of its name.
export function readTree(folder) {
  if (statSync(folder).isFile()) return new Map([['', bytesOf(folder)]]);
  const files = readdirSync(folder, { recursive: true }).sort()
    .filter((name) => statSync(path.join(folder, name)).isFile());
  return new Map(files.map((name) => [name.replaceAll(path.sep, '/'), bytesOf(path.join(folder, name))]));
}

// What the stand-in core writes for these input files.
export function stubResult(files) {
  const literal = Buffer.alloc(8, 76);
  const result = new Map();
  for (const [name, bytes] of Object.entries(files)) {
    result.set(`out/${name}`, Buffer.concat([literal, bytes.map((byte) => byte ^ 0x5a), literal]));
    result.set(`copy/${name}`, bytes);
  }
  return result;
}

// Map against Map, with short messages for long files.
export function sameTree(assert, actual, expected) {
  assert.deepEqual([...actual.keys()].sort(), [...expected.keys()].sort());
  for (const [name, bytes] of expected) {
    assert.ok(Buffer.compare(Buffer.from(actual.get(name)), Buffer.from(bytes)) === 0, `${name} differs`);
  }
}
