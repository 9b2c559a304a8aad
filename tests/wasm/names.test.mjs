import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openLoose } from '../../wasm/js/files.mjs';
import { checkOutputNames, MAX_FILES, withoutTop } from '../../wasm/js/names.mjs';
import { folderName } from '../../wasm/js/zip.mjs';

const blob = (size = 1) => new Blob([new Uint8Array(size)]);

// Handles of the File System Access API, as far as they are used.
const fileHandle = (name, size) => ({ kind: 'file', name, getFile: async () => Object.assign(blob(size), { name }) });
const folderHandle = (name, entries) => ({
  kind: 'directory',
  name,
  async* values() { yield* entries; },
});

describe('names', () => {
  test('a top folder that all files share becomes the name', () => {
    const opened = withoutTop([{ path: 'm/saved_model.pb' }, { path: 'm/variables/a' }]);
    assert.equal(opened.name, 'm');
    assert.deepEqual(opened.files.map(({ path }) => path), ['saved_model.pb', 'variables/a']);
  });
  test('files without a common top folder keep their paths', () => {
    const opened = withoutTop([{ path: 'm/saved_model.pb' }, { path: 'n' }]);
    assert.deepEqual(opened.files.map(({ path }) => path), ['m/saved_model.pb', 'n']);
  });
  test('what file managers leave behind is not part of a model', () => {
    const opened = withoutTop(['m/.DS_Store', '__MACOSX/m/._a', 'm/a', 'm/Thumbs.db', 'm/._b'].map((path) => ({ path })));
    assert.deepEqual(opened.files.map(({ path }) => path), ['a']);
  });
  test('a FileList, a Map and a directory handle open alike', async () => {
    const list = [['m/b/x', 3], ['m/a', 2]].map(([webkitRelativePath, size]) => Object.assign(blob(size), { name: 'x', webkitRelativePath }));
    const map = new Map([['m/b/x', new Uint8Array(3)], ['m/a', blob(2)]]);
    const handle = folderHandle('m', [folderHandle('b', [fileHandle('x', 3)]), fileHandle('a', 2), fileHandle('.DS_Store', 9)]);
    for (const source of [list, map, handle]) {
      const { name, files } = await openLoose(source);
      assert.equal(name, 'm');
      assert.deepEqual(files.map(({ path, size }) => [path, size]), [['a', 2], ['b/x', 3]]);
    }
  });
  test('a single file is a model of its own name', async () => {
    assert.equal((await openLoose(new Map([['frozen.pb', blob()]]))).name, 'frozen.pb');
    assert.equal((await openLoose(fileHandle('frozen.pb', 1))).files[0].path, 'frozen.pb');
  });
  test('folders that contain themselves end', async () => {
    const loop = { kind: 'directory', name: 'loop', async* values() { yield loop; } };
    await assert.rejects(openLoose(loop), { code: 'limit' });
  });
  test('more files than a model can have are refused', async () => {
    const files = new Map(Array.from({ length: MAX_FILES + 1 }, (_, k) => [`f${k}`, blob(0)]));
    await assert.rejects(openLoose(files), { code: 'limit', message: /50000/ });
  });
  test('anything else is refused with what may be given', async () => {
    for (const source of [undefined, null, 7, {}]) await assert.rejects(openLoose(source), { code: 'invalid_argument' });
  });

  test('output paths stay inside of their folder', () => {
    for (const path of ['../x', '/x', 'a/../b', 'a//b', './x', 'a\0b', '']) {
      assert.throws(() => checkOutputNames([path], 'linux'), { code: 'internal' }, path);
    }
    checkOutputNames(['a', 'b/c', 'aux', 'x:y', 'B/c'], 'linux');
  });
  test('Windows: reserved names and characters are refused', () => {
    for (const path of ['assets/aux', 'assets/NUL.txt', 'a:b', 'a?', 'a. ', 'a|b', 'COM1.x']) {
      assert.throws(() => checkOutputNames([path], 'win32'), { code: 'unsupported' }, path);
    }
    checkOutputNames(['assets/auxiliary', 'assets/com.txt', 'variables/variables.data-00000-of-00001'], 'win32');
  });
  test('Windows and macOS: names that differ in case or composition only are refused', () => {
    for (const system of ['win32', 'darwin']) {
      assert.throws(() => checkOutputNames(['a/Vocab', 'a/vocab'], system), { code: 'unsupported' });
      assert.throws(() => checkOutputNames(['\u00e9', 'e\u0301'], system), { code: 'unsupported' });
    }
    checkOutputNames(['a/Vocab', 'a/vocab', '\u00e9', 'e\u0301'], 'linux');
  });
  test('a zip has one top folder with a name that unpacks anywhere', () => {
    assert.equal(folderName('model.zip'), 'model');
    assert.equal(folderName('..'), 'model');
    assert.equal(folderName('a/b:c*.zip'), 'a_b_c_');
    assert.equal(folderName('.hidden. '), 'hidden');
  });
});
