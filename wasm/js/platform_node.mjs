// Node, as optimizer.mjs wants a platform.

import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { openSource } from './files_node.mjs';

function start() {
  const worker = new Worker(new URL('./worker_node.mjs', import.meta.url), { execArgv: [] });
  const channel = {
    post: (message, transfer) => worker.postMessage(message, transfer),
    terminate: () => worker.terminate(),
    // An optimizer that is not closed does not keep the program alive.
    ref: (busy) => (busy ? worker.ref() : worker.unref()),
  };
  worker.on('message', (message) => channel.onmessage(message));
  worker.on('error', (error) => channel.onerror(error));
  worker.on('exit', () => channel.onerror(new Error('it ended')));
  return channel;
}

export const platform = {
  start,
  cores: availableParallelism(),
  // WHITTLE_WASM names another module, for tests.
  loadWasm: () => readFile(process.env.WHITTLE_WASM ?? new URL('../dist/whittle.wasm', import.meta.url)),
  openSource,
  prepare: (sink, context) => sink.prepare?.(context),
};
