// What a user does with the page: give a model, choose a preset, take the result, cancel.
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { copyOfSample, download, drop, filesFromNode, holdWork, needsBrowser, root, sample, stopInTheMiddle, useSite, withPage,
  zipFromNode } from './support/browser.mjs';

describe('the page', needsBrowser, () => {
  useSite();

  describe('a model comes in', () => {
    test('dropped on the window as a folder', () => withPage(async (page) => {
      await drop(page, sample);
      await page.getByTestId('result').waitFor();
      const card = page.getByTestId('model-card');
      assert.equal(await card.getByRole('heading', { level: 2 }).innerText(), 'digits_cnn');
      assert.match(await card.innerText(), /serving_default/);
      assert.match(await card.innerText(), /optimizer slots/);
      assert.deepEqual((await download(page)).bytes, await zipFromNode(sample, 'int8', 'digits_cnn-int8'));
    }));
    test('dropped on a browser that has entries and no handles', () => withPage(async (page) => {
      await drop(page, sample);
      await page.getByTestId('result').waitFor();
      assert.deepEqual((await download(page)).bytes, await zipFromNode(sample, 'int8', 'digits_cnn-int8'));
    }, { script: () => { delete DataTransferItem.prototype.getAsFileSystemHandle; } }));
    test('dropped as its parent folder, with what file managers leave behind', () => withPage(async (page) => {
      const copy = copyOfSample();
      writeFileSync(path.join(copy, '.DS_Store'), 'junk');
      writeFileSync(path.join(copy, 'variables', '._variables.index'), 'junk');
      mkdirSync(path.join(copy, '..', '__MACOSX'));
      writeFileSync(path.join(copy, '..', '__MACOSX', 'saved_model.pb'), 'junk');
      await drop(page, path.dirname(copy));
      await page.getByTestId('result').waitFor();
      const top = path.basename(path.dirname(copy));
      assert.deepEqual((await download(page)).bytes, await zipFromNode(sample, 'int8', `${top}-int8`));
    }));
    test('dropped as several files and folders at once', () => withPage(async (page) => {
      await drop(page, [path.join(sample, 'saved_model.pb'), path.join(sample, 'variables')]);
      await page.getByTestId('result').waitFor();
      assert.deepEqual((await download(page)).bytes, await zipFromNode(sample, 'int8', 'model-int8'));
    }));
    test('by the folder input, twice in a row', () => withPage(async (page) => {
      for (let i = 0; i < 2; ++i) {
        await page.getByTestId('folder-input').setInputFiles(sample);
        await page.getByTestId('result').waitFor();
      }
      assert.equal((await download(page)).name, 'digits_cnn-int8.zip');
    }));
    test('by the files input, one frozen graph: its inputs and outputs are asked for', () => withPage(async (page) => {
      const graph = path.join(root, 'tests/corpus/frozen-mobile-block/graph.pb');
      await page.getByTestId('files-input').setInputFiles(graph);
      await page.getByTestId('error').getByRole('paragraph').getByText('candidates for inputs: image').waitFor();
      await page.getByTestId('inputs').fill('image');
      await page.getByTestId('outputs').fill('answer, raw');
      await page.getByTestId('start').click();
      await page.getByTestId('result').waitFor();
      const { name, bytes } = await download(page);
      assert.equal(name, 'graph-int8.zip');
      assert.deepEqual(bytes, await zipFromNode(graph, 'int8', 'graph-int8', { inputs: ['image'], outputs: ['answer', 'raw'] }));
    }));
    test('by the files input, loose files of a SavedModel: they are put back into their folder', () => withPage(async (page) => {
      const files = ['saved_model.pb', 'variables/variables.index', 'variables/variables.data-00000-of-00001'];
      await page.getByTestId('files-input').setInputFiles(files.map((file) => path.join(sample, file)));
      await page.getByTestId('result').waitFor();
    }));
    test('Ctrl+O opens the folder chooser', () => withPage(async (page) => {
      // Choosers are intercepted only from when the browser has been asked to; an answer after that says it has.
      const opened = page.waitForEvent('filechooser');
      await page.evaluate(() => {});
      await page.keyboard.press('Control+o');
      const chooser = await opened;
      assert.equal(await chooser.element().getAttribute('data-testid'), 'folder-input');
    }));
    test('an overlay says that it may be dropped, and goes when it leaves', () => withPage(async (page) => {
      await drop(page, sample, { upTo: 'dragOver' });
      await page.getByText('Drop it', { exact: true }).waitFor();
      await drop(page, sample);
      await page.getByText('Drop it', { exact: true }).waitFor({ state: 'detached' });
    }));
  });

  describe('presets', () => {
    for (const preset of ['exact', 'float', 'half', 'int8']) {
      test(`${preset} gives the bytes that the same preset gives in Node`, () => withPage(async (page) => {
        await page.getByTestId('sample').click();
        await page.getByTestId('result').waitFor();
        await page.getByTestId(`preset-${preset}`).click();
        await page.getByTestId('result').getByText(`--preset ${preset}`).waitFor();
        const { name, bytes } = await download(page);
        assert.equal(name, `digits_cnn-${preset}.zip`);
        assert.deepEqual(bytes, await zipFromNode(sample, preset, `digits_cnn-${preset}`));
      }));
    }
    test('int8 is the default; another one chosen before the model comes is used', () => withPage(async (page) => {
      assert.equal(await page.getByTestId('preset-int8').isChecked(), true);
      await page.getByTestId('preset-half').click();
      await drop(page, sample);
      await page.getByTestId('result').waitFor();
      assert.equal((await download(page)).name, 'digits_cnn-half.zip');
    }));
    test('one chosen in the middle of a run starts anew with it', () => withPage(async (page) => {
      await stopInTheMiddle(page);
      await page.evaluate(() => { window.hold = false; });
      await page.getByTestId('preset-exact').click();
      await page.getByTestId('result').waitFor();
      assert.equal((await download(page)).name, 'digits_cnn-exact.zip');
    }, { script: holdWork }));
  });

  describe('the result', () => {
    test('tells sizes, causes, tensors with their error, and what a frozen model cannot do', () => withPage(async (page) => {
      await page.getByTestId('sample').click();
      const card = page.getByTestId('result');
      await card.waitFor();
      const text = await card.innerText();
      assert.match(text, /^\d+\.\d % smaller\s+590 kB → \d\d\.\d kB\s/);
      assert.match(text, /optimizer slots\s+−285 kB/);
      assert.match(text, /wide\/kernel\s+\[3, 3, 48, 48\]\s+82\.9 kB\s+\d+\.\d kB\s+int8\s+\d\d\.\d dB/);
      assert.match(text, /A frozen model cannot be trained further\./);
      assert.equal(await page.evaluate(() => document.activeElement.id), 'result-title', 'focus is on its heading');
      assert.match(await page.getByTestId('live').innerText(), /^Done: 590 kB became/);
      assert.match(await page.title(), /^✓ digits_cnn/);
    }));
    test('is saved into a new folder inside the chosen one', () => withPage(async (page) => {
      await page.getByTestId('sample').click();
      await page.getByTestId('result').waitFor();
      await page.getByTestId('save-folder').click();
      await page.getByTestId('notice').getByText('Saved as digits_cnn-int8').waitFor();
      const saved = await page.evaluate(async () => {
        const folder = await (await window.chosen).getDirectoryHandle('digits_cnn-int8');
        const files = [];
        for await (const [name, handle] of folder.entries()) {
          files.push([name, [...new Uint8Array(await (await handle.getFile()).arrayBuffer())]]);
        }
        return files;
      });
      const expected = await filesFromNode(sample, 'int8');
      assert.deepEqual(saved.map(([name]) => name), [...expected.keys()]);
      for (const [name, bytes] of saved) assert.deepEqual(Uint8Array.from(bytes), new Uint8Array(expected.get(name)), name);

      await page.getByTestId('save-folder').click();  // it is there now
      assert.match(await page.getByTestId('error').innerText(), /not empty/);
      assert.equal(await page.getByTestId('download').isVisible(), true, 'the result is still there');
    }, {
      script: () => {  // no program can operate the system's own dialog: a folder of the origin stands for the chosen one
        window.chosen = navigator.storage.getDirectory().then((top) => top.getDirectoryHandle('chosen', { create: true }));
        window.showDirectoryPicker = () => window.chosen;
      },
    }));
  });

  describe('in the middle', () => {
    const held = { script: holdWork };
    const cancelled = async (page) => {
      await page.getByTestId('notice').getByText('Cancelled. Nothing was kept.').waitFor();
      assert.equal(await page.getByTestId('progress').count(), 0);
      assert.equal(await page.getByTestId('result').count(), 0);
      for (let i = 0; page.workers().length > 0 && i < 600; ++i) await page.waitForTimeout(100);
      assert.deepEqual(page.workers().map((worker) => worker.url()), [], 'every worker is gone');
    };
    test('cancel ends every worker; Start begins anew', () => withPage(async (page) => {
      await stopInTheMiddle(page);
      assert.ok(page.workers().length > 0);
      await page.getByTestId('cancel').click();
      await cancelled(page);
      await page.evaluate(() => { window.hold = false; });
      await page.getByTestId('start').click();
      await page.getByTestId('result').waitFor();
      assert.deepEqual((await download(page)).bytes, await zipFromNode(sample, 'int8', 'digits_cnn-int8'));
    }, held));
    test('Escape cancels, too; choosing the same preset again starts', () => withPage(async (page) => {
      await stopInTheMiddle(page);
      await page.keyboard.press('Escape');
      await cancelled(page);
      await page.evaluate(() => { window.hold = false; });
      await page.getByTestId('preset-int8').click();
      await page.getByTestId('result').waitFor();
    }, held));
    test('nothing of a cancelled run, or of one before it, is left in the browser\'s storage', () => withPage(async (page) => {
      await page.getByTestId('sample').click();
      await page.getByTestId('result').waitFor();
      await page.evaluate(() => { window.hold = true; });
      await page.getByTestId('preset-half').click();
      await page.getByTestId('progress').waitFor();
      await page.getByTestId('cancel').click();
      await cancelled(page);
      const runs = await page.evaluate(async () => {
        const found = [];
        const walk = async (folder, prefix) => {
          for await (const [name, handle] of folder.entries()) {
            if (handle.kind === 'directory') await walk(handle, `${prefix}${name}/`);
            else found.push(prefix + name);
          }
        };
        await walk(await navigator.storage.getDirectory(), '');
        return found;
      });
      assert.deepEqual(runs, []);
    }, held));
    test('progress is a progress bar with a number and bytes', () => withPage(async (page) => {
      // As int8 the codes of weights this small are chosen while planning: nothing is left to move.
      await page.getByTestId('preset-half').click();
      await stopInTheMiddle(page);
      const bar = page.getByRole('progressbar');
      await page.getByTestId('progress').getByText(/ of /).waitFor();
      const value = Number(await bar.getAttribute('aria-valuenow'));
      assert.ok(value >= 0 && value < 100, `${value}`);
      assert.match(await page.title(), /^\d+ % digits_cnn/);
    }, held));
    test('a second drop is refused with a sentence, and the first run goes on', () => withPage(async (page) => {
      await stopInTheMiddle(page);
      await drop(page, sample);
      await page.getByTestId('notice').getByText('Still working on digits_cnn. Cancel it first').waitFor();
      assert.equal(await page.getByTestId('progress').isVisible(), true);
    }, held));
    test('leaving asks first', () => withPage(async (page) => {
      await stopInTheMiddle(page);
      const asked = page.waitForEvent('dialog');
      await page.close({ runBeforeUnload: true });
      const dialog = await asked;
      assert.equal(dialog.type(), 'beforeunload');
      await dialog.accept();
    }, held));
    test('leaving a finished page does not ask', () => withPage(async (page) => {
      await page.getByTestId('sample').click();
      await page.getByTestId('result').waitFor();
      const closed = page.waitForEvent('close');
      await page.close({ runBeforeUnload: true });
      await closed;
    }));
  });
});
