// Nothing leaves the machine: after it is ready the page asks for nothing, and could not send anything if it wanted to.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { download, drop, needsBrowser, sample, site, useSite, withPage } from './support/browser.mjs';

const kPolicy = {
  'default-src': "'none'", 'script-src': "'self' 'wasm-unsafe-eval'", 'worker-src': 'blob:', 'style-src': "'self'", 'img-src': 'data:',
  'connect-src': "'none'", 'base-uri': "'none'", 'form-action': "'none'",
};
const refused = [/Content Security Policy/i, /Refused to/i, /violates the following/i];

// Runs in the page or in a worker: every way out, as [name, what happened].
const waysOut = async (url) => {
  const socket = (make) => new Promise((resolve) => {
    try {
      const opened = make();
      opened.onopen = () => resolve('open');
      opened.onerror = () => resolve('refused');
      setTimeout(() => resolve('silent'), 3000);
    } catch { resolve('refused'); }
  });
  const attempts = {
    fetch: () => fetch(`${url}fetch`).then(() => 'open', () => 'refused'),
    XMLHttpRequest: () => new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.onload = () => resolve('open');
      request.onerror = () => resolve('refused');
      request.open('GET', `${url}xhr`);
      request.send();
    }),
    WebSocket: () => socket(() => new WebSocket(`${url.replace('http', 'ws')}socket`)),
    EventSource: () => socket(() => new EventSource(`${url}events`)),
  };
  if (typeof importScripts === 'function') {
    attempts.importScripts = async () => {
      try {
        importScripts(`${url}script.js`);
        return 'open';
      } catch { return 'refused'; }
    };
  }
  if (typeof document === 'object') {
    attempts.sendBeacon = async () => {  // says true and is refused later, as the policy's report shows
      const violation = new Promise((resolve) => {
        document.addEventListener('securitypolicyviolation', () => resolve('refused'), { once: true });
        setTimeout(() => resolve('no report'), 5000);
      });
      return navigator.sendBeacon(`${url}beacon`, 'x') ? violation : 'refused';
    };
    attempts.image = () => new Promise((resolve) => {
      const image = new Image();
      image.onload = () => resolve('open');
      image.onerror = () => resolve('refused');
      image.src = `${url}image.png`;
    });
    attempts.eval = async () => {
      try {
        return String((0, eval)('"open"'));
      } catch { return 'refused'; }
    };
  }
  const answers = {};
  for (const [name, attempt] of Object.entries(attempts)) answers[name] = await attempt().catch(() => 'refused');
  return answers;
};

describe('privacy', needsBrowser, () => {
  useSite();

  test('the policy is as strict as docs/page.md says', () => withPage(async (page) => {
    const content = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
    const policy = Object.fromEntries(content.split(';').map((directive) => directive.trim().split(/ (.*)/, 2)));
    assert.deepEqual(policy, kPolicy);
  }));
  test('a model is dropped, optimized and downloaded without one request', () => withPage(async (page) => {
    const asked = [];
    page.on('request', (request) => { if (!/^(blob|data):/.test(request.url())) asked.push(request.url()); });
    site.server.reset();
    await drop(page, sample);
    await page.getByTestId('result').waitFor();
    await page.getByTestId('preset-half').click();
    await page.getByTestId('result').getByText('--preset half').waitFor();
    await download(page);
    assert.deepEqual(asked, []);
    assert.deepEqual(site.server.requests(), []);
  }));
  test('once ready, the plug can be pulled', () => withPage(async (page) => {
    await page.context().setOffline(true);
    await drop(page, sample);
    await page.getByTestId('result').waitFor();
    await download(page);
  }));
  test('the sample is one more script of the page\'s own folder', () => withPage(async (page) => {
    site.server.reset();
    await page.getByTestId('sample').click();
    await page.getByTestId('result').waitFor();
    const requests = site.server.requests().map(({ method, url }) => `${method} ${url}`);
    assert.equal(requests.length, 1);
    assert.match(requests[0], /^GET \/assets\/sample-[\w-]+\.js$/);
  }));
  const kRefused = { fetch: 'refused', XMLHttpRequest: 'refused', WebSocket: 'refused', EventSource: 'refused' };
  test('the page cannot send anything', () => withPage(async (page) => {
    site.server.reset();
    const answers = await page.evaluate(waysOut, site.server.url);
    assert.deepEqual(answers, { ...kRefused, sendBeacon: 'refused', image: 'refused', eval: 'refused' });
    assert.deepEqual(site.server.requests(), []);
  }, { errors: refused }));
  test('with a user\'s model in it, neither page nor worker can even load scripts of the page\'s own folder', () => withPage(async (page) => {
    await drop(page, sample);
    await page.getByTestId('result').waitFor();
    assert.equal(await page.getByTestId('sample').count(), 0, 'what cannot be loaded any more is not offered');
    site.server.reset();
    assert.deepEqual(await page.evaluate(waysOut, site.server.url),
      { ...kRefused, sendBeacon: 'refused', image: 'refused', eval: 'refused' });
    assert.equal(await page.evaluate((url) => import(`${url}script.js`).then(() => 'open', () => 'refused'), site.server.url), 'refused');
    const answers = await page.evaluate(([source, url]) => new Promise((resolve, reject) => {
      const code = `(${source})(${JSON.stringify(url)}).then((answers) => postMessage(answers))`;
      const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    }), [String(waysOut), site.server.url]);
    assert.deepEqual(answers, { ...kRefused, importScripts: 'refused' });
    assert.deepEqual(site.server.requests(), []);
  }, { errors: refused }));
  test('the workers of the optimizer run under that policy, too', () => withPage(async (page) => {
    await drop(page, sample);
    await page.getByTestId('result').waitFor();
    site.server.reset();
    assert.ok(page.workers().length >= 2);
    for (const worker of page.workers()) assert.match(worker.url(), /^blob:/);
    for (const worker of page.workers()) {
      const answers = await worker.evaluate(async (url) => {
        const loaded = () => { importScripts(`${url}script.js`); };
        return [await fetch(url).then(() => 'open', () => 'refused'), await Promise.resolve().then(loaded).then(() => 'open', () => 'refused')];
      }, site.server.url);
      assert.deepEqual(answers, ['refused', 'refused']);
    }
    assert.deepEqual(site.server.requests(), []);
  }, { errors: refused }));
});
