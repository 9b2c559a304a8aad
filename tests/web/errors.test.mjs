// What can go wrong, each with its sentence: on the page, before a drop, and without scripts.
import assert from 'node:assert/strict';
import { truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { copyOfSample, drop, needsBrowser, sample, temporaryFolder, useSite, withPage } from './support/browser.mjs';

const brokenSample = (file, size) => {
  const copy = copyOfSample();
  truncateSync(path.join(copy, file), size);
  return copy;
};

describe('errors', needsBrowser, () => {
  useSite();
  const shown = async (page, code, sentence, place) => {
    const card = page.getByTestId('error');
    await card.waitFor();
    const text = await card.innerText();
    assert.match(text, new RegExp(`^${code}\\b`, 'm'));
    assert.match(text, sentence);
    if (place) assert.match(text, place);
    assert.equal(await page.evaluate(() => document.activeElement.id), 'error-title', 'focus is on its heading');
    assert.equal(await page.getByTestId('result').count(), 0);
  };

  test('a truncated saved_model.pb: corrupt, with its place; the report can be copied', () => withPage(async (page) => {
    await drop(page, brokenSample('saved_model.pb', 9000));
    await shown(page, 'corrupt', /ends after|truncated|bytes left/i, /in .*saved_model\.pb/);
    await page.getByTestId('copy-report').click();
    await page.getByTestId('error').getByText('Copied.').waitFor();
    const report = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(report, /^corrupt: .*\n(?: {2}in .*\n)+while reading, preset int8, Whittle \d/);
  }, { context: { permissions: ['clipboard-read', 'clipboard-write'] } }));
  test('weights that are cut off', () => withPage(async (page) => {
    await drop(page, brokenSample('variables/variables.data-00000-of-00001', 1000));
    await shown(page, 'corrupt|io', /./, /variables\.data-00000-of-00001/);
  }));
  test('an .h5 file given by mistake: what it is, and what to do', () => withPage(async (page) => {
    const file = path.join(temporaryFolder(), 'model.h5');
    writeFileSync(file, Buffer.concat([Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), Buffer.alloc(5000)]));
    await page.getByTestId('files-input').setInputFiles(file);
    await shown(page, 'unsupported', /model\.h5 is a Keras HDF5 file/);
  }));
  test('a folder without a model', () => withPage(async (page) => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'notes.txt'), 'nothing here');
    await drop(page, folder);
    await shown(page, '[a-z_]+', /./);
  }));
  test('a file that changed after it was chosen', () => withPage(async (page) => {
    const copy = copyOfSample();
    await page.getByTestId('folder-input').setInputFiles(copy);
    await page.getByTestId('result').waitFor();
    writeFileSync(path.join(copy, 'variables/variables.data-00000-of-00001'), 'changed');
    await page.getByTestId('preset-half').click();
    await shown(page, 'io', /changed or became unreadable/);
  }));
  test('more than 50,000 files', () => withPage(async (page) => {
    await page.getByTestId('files-input').evaluate((input) => {
      const file = new File([], 'part');
      Object.defineProperty(input, 'files', { value: Array(50_001).fill(file), writable: true });
      input.dispatchEvent(new Event('change', { bubbles: true }));
    });
    await shown(page, 'limit', /more than 50000 files; choose the model's own folder/);
  }));
  test('after an error the next model is taken', () => withPage(async (page) => {
    await drop(page, brokenSample('saved_model.pb', 9000));
    await page.getByTestId('error').waitFor();
    await drop(page, sample);
    await page.getByTestId('result').waitFor();
    assert.equal(await page.getByTestId('error').count(), 0);
  }));

  for (const [what, script, sentence] of [
    ['without SIMD', () => { WebAssembly.validate = () => false; }, /SIMD is missing here: it needs Chrome 91, Firefox 89, Safari 16\.4/],
    ['without WebAssembly', () => { delete globalThis.WebAssembly; }, /WebAssembly is not available or blocked here/],
    ['without workers', () => { globalThis.Worker = class { constructor() { throw new Error('no'); } }; }, /workers are blocked on this page/i],
  ]) {
    test(`${what} the page says so before a drop`, () => withPage(async (page) => {
      assert.match(await page.getByTestId('blocked').innerText(), sentence);
      assert.equal(await page.getByTestId('folder-input').count(), 0);
    }, { script, ready: false }));
  }
  test('without folder input the page says how to go on', () => withPage(async (page) => {
    assert.match(await page.getByTestId('drop-zone').innerText(), /cannot choose folders: choose saved_model\.pb and the files of variables together/);
    assert.equal(await page.getByTestId('choose-folder').count(), 0);
  }, { script: () => { delete HTMLInputElement.prototype.webkitdirectory; } }));
  test('without scripts there is a sentence, too', () => withPage(async (page) => {
    assert.match(await page.locator('noscript').innerText(), /needs scripts\. Nothing is sent anywhere\./);
  }, { context: { javaScriptEnabled: false }, ready: false }));
});
