// whittle-tf in browsers; index.d.ts says what it offers. Needs dist/ (wasm/build.mjs makes it).

import { workerSource } from '../dist/worker_source.mjs';
import { WhittleError } from './errors.mjs';
import { openLoose } from './files.mjs';
import { createOptimizer as create } from './optimizer.mjs';
import { MemorySink, ZipSink } from './sinks.mjs';
import { HandleSink, Storage } from './sinks_browser.mjs';

function start() {
  // Classic, from a Blob: it inherits the page's policy, and runs from file:// too.
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  let worker;
  try {
    worker = new Worker(url);
  } catch (thrown) {
    throw new WhittleError('unsupported', `workers are blocked on this page (${thrown.message})`);
  }
  const channel = {
    post: (message, transfer) => worker.postMessage(message, transfer ?? []),
    terminate: () => {
      worker.terminate();
      URL.revokeObjectURL(url);
    },
    ref() {},
  };
  let heard = false;
  worker.onmessage = (event) => {
    heard = true;
    channel.onmessage(event.data);
  };
  worker.onerror = (event) => {
    event.preventDefault?.();
    channel.onerror(heard ? new Error(event.message || 'fault')
      : new WhittleError('unsupported', 'workers are blocked on this page: its policy needs worker-src blob:'));
  };
  worker.onmessageerror = () => channel.onerror(new Error('a message could not be read'));
  return channel;
}

const cores = globalThis.navigator?.hardwareConcurrency ?? 2;

export function createOptimizer(options) {
  const storage = new Storage();
  const cleaned = globalThis.navigator?.storage?.getDirectory && globalThis.navigator?.locks ? storage.clean() : null;
  return create({
    start,
    cores: cores - 1,
    loadWasm: () => fetch(new URL('../dist/whittle.wasm', import.meta.url)),
    openSource: openLoose,
    async prepare(sink, context) {
      await cleaned;
      if (sink instanceof ZipSink && cleaned) sink.storage = storage;
      await sink.prepare?.(context);
    },
    newModel: () => (cleaned ? storage.newModel() : undefined),
  }, options);
}
export const directory = (handle) => new HandleSink(handle);
export const zip = (stream, options = {}) => new ZipSink(stream, options.name);
export const memory = () => new MemorySink();
export { WhittleError } from './errors.mjs';
