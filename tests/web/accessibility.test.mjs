// axe-core finds nothing in any state, by day and by night; forced colours and a narrow window lose nothing.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { describe, test } from 'node:test';
import { drop, holdWork, needsBrowser, sample, stopInTheMiddle, temporaryFolder, useSite, withPage } from './support/browser.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const kStates = {
  start: { reach: async () => {} },
  blocked: { script: () => { WebAssembly.validate = () => false; }, ready: false, reach: (page) => page.getByTestId('blocked').waitFor() },
  progress: { script: holdWork, reach: stopInTheMiddle },
  cancelled: {
    script: holdWork,
    reach: async (page) => {
      await stopInTheMiddle(page);
      await page.getByTestId('cancel').click();
      await page.getByTestId('start').waitFor();
    },
  },
  result: {
    reach: async (page) => {
      await drop(page, sample);
      await page.getByTestId('result').waitFor();
    },
  },
  error: {
    reach: async (page) => {
      const folder = temporaryFolder();
      writeFileSync(path.join(folder, 'saved_model.pb'), 'no model');
      await drop(page, folder);
      await page.getByTestId('error').waitFor();
    },
  },
};

async function violations(page) {
  const { violations: found, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations', 'passes'] }));
  assert.ok(passes > 10 || passes.length > 10, 'axe has looked at the page');
  return found.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join('; ')}`);
}

describe('accessibility', needsBrowser, () => {
  useSite();
  for (const [name, { script, ready = true, reach }] of Object.entries(kStates)) {
    test(`${name}: axe finds nothing, light or dark`, () => withPage(async (page) => {
      await reach(page);
      await page.evaluate(axe);
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        assert.deepEqual(await violations(page), [], colorScheme);
      }
    }, { script, ready }));
  }
  test('a window of a phone\'s width scrolls in one direction only', () => withPage(async (page) => {
    await drop(page, sample);
    await page.getByTestId('result').waitFor();
    const { wide, window: width } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, window: innerWidth }));
    assert.ok(wide <= width, `${wide} of ${width}`);
  }, { context: { viewport: { width: 360, height: 700 } } }));
  test('forced colours keep the bars', () => withPage(async (page) => {
    await page.emulateMedia({ forcedColors: 'active' });
    await drop(page, sample);
    await page.getByTestId('result').waitFor();
    const [first, second] = await page.getByTestId('model-card').locator('.segment').evaluateAll((segments) =>
      segments.map((segment) => getComputedStyle(segment).backgroundColor));
    assert.notEqual(first, second);
  }));
  test('the keyboard reaches everything in reading order', () => withPage(async (page) => {
    const reached = [];
    for (let i = 0; i < 4; ++i) {
      await page.keyboard.press('Tab');
      reached.push(await page.evaluate(() => document.activeElement.dataset.testid));
    }
    assert.deepEqual(reached, ['choose-folder', 'choose-files', 'sample', 'preset-int8']);
  }));
});
