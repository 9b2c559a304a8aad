// The workers of an optimizer: one that plans and up to `count` that move weights, started when first needed.
//
// start(number) of the platform makes a channel: {post(message, transfer), terminate(), onmessage, onerror, ref(busy)}.
// The module may come later: load(module). Until then a worker's thread starts, and it is not ready.
// A worker that failed, did not stop in time or holds too much memory is terminated; the next use starts a new one.

import { CANCEL_MS, HEAP_LIMIT } from './protocol.mjs';
import { fromPlain, toWhittleError, WhittleError } from './errors.mjs';

const IDLE_MS = 10_000;

class Worker {
  constructor(start, number, module, options) {
    this.number = number;
    this.alive = true;
    this.busy = 0;        // tasks or plans it has not answered
    this.heap = 0;
    this.listener = null;
    this.stopped = null;  // resolves a stop()
    this.ended = null;    // resolves an end()
    this.channel = start(number);
    this.channel.onmessage = (message) => this.take(message);
    this.channel.onerror = (error) => this.die(error);
    this.ready = new Promise((resolve, reject) => { this.started = { resolve, reject }; });
    this.ready.catch(() => {});
    this.options = options;
    if (module) this.load(module);
  }
  load(module) { this.channel.post({ type: 'init', module, number: this.number, options: this.options }); }
  take(message) {
    if (message.type === 'ready') return this.started.resolve(message.version);
    if (message.type === 'ended') return this.ended?.();
    if (message.type === 'worked' || message.type === 'done') this.heap = message.heap;
    if (message.type === 'worked' || message.type === 'done' || message.type === 'failed') {
      this.busy = Math.max(0, this.busy - 1);
    }
    if (message.type === 'failed') {
      if (message.trap) this.heap = Infinity;
      this.started.reject(fromPlain(message.error));
    }
    this.listener?.(message);
    if (this.busy === 0) this.stopped?.();
    return undefined;
  }
  die(thrown) {
    if (!this.alive) return;
    const full = thrown?.code === 'ERR_WORKER_OUT_OF_MEMORY';
    const error = thrown instanceof WhittleError ? thrown
      : full ? new WhittleError('limit', 'a worker ran out of memory')
        : new WhittleError('internal', `a worker stopped (${toWhittleError(thrown).message})`);
    this.alive = false;
    this.busy = 0;
    this.started.reject(error);
    this.ended?.();
    this.stopped?.();
    this.listener?.({ type: 'failed', error: error.toJSON(), trap: true });
    this.channel.terminate();
  }
  post(message, transfer) { if (this.alive) this.channel.post(message, transfer); }
  begin(message, transfer) {
    this.busy += 1;
    this.post(message, transfer);
  }
  // Asks it to give up what it does; terminates it when it does not in time.
  async stop() {
    this.listener = null;
    if (this.busy === 0 || !this.alive) return;
    let timer;
    const late = new Promise((resolve) => { timer = setTimeout(() => resolve('late'), CANCEL_MS); });
    const done = new Promise((resolve) => { this.stopped = resolve; });
    this.post({ type: 'cancel' });
    const how = await Promise.race([late, done]);
    clearTimeout(timer);
    this.stopped = null;
    if (how === 'late') await this.terminate();
  }
  // Closes files and parts.
  async end() {
    if (!this.alive) return;
    const done = new Promise((resolve) => { this.ended = resolve; });
    this.post({ type: 'end' });
    await done;
    this.ended = null;
  }
  async terminate() {
    this.alive = false;
    this.started.reject(new WhittleError('cancelled', 'the worker was ended'));
    this.ended?.();
    await this.channel.terminate();
  }
}

export class Pool {
  constructor(start, options) {
    this.start = start;
    this.module = null;
    this.options = options;
    this.planner = null;
    this.workers = [];
    this.made = 0;
    this.timer = null;
  }
  load(module) {
    this.module = module;
    for (const worker of this.all) worker.load(module);
  }
  make() { return new Worker(this.start, this.made++, this.module, this.options); }
  takePlanner() {
    this.hold(true);
    if (!this.planner?.alive) this.planner = this.make();
    this.planner.channel.ref(true);
    return this.planner;
  }
  takeWorkers(count) {
    this.workers = this.workers.filter((worker) => worker.alive);
    while (this.workers.length < count) this.workers.push(this.make());
    const taken = this.workers.slice(0, count);
    for (const worker of taken) worker.channel.ref(true);
    return taken;
  }
  get all() { return [this.planner, ...this.workers].filter((worker) => worker?.alive); }
  // The most wasm memory that one of them holds; it never shrinks, so this is the most it held.
  get heapBytes() {
    return [this.planner, ...this.workers].reduce((most, worker) => (Number.isFinite(worker?.heap) ? Math.max(most, worker.heap) : most), 0);
  }
  // After a run, however it ended: everyone is still, files are closed, the heavy ones are gone.
  async settle() {
    await Promise.all(this.all.map(async (worker) => {
      worker.channel.ref(true);
      await worker.stop();
      if (worker.heap > HEAP_LIMIT) await worker.terminate();
      else await worker.end();
      if (worker.alive) worker.channel.ref(false);
    }));
    this.hold(false);
  }
  // Idle workers give their memory back after a while.
  hold(busy) {
    clearTimeout(this.timer);
    if (busy) return;
    this.timer = setTimeout(() => {
      for (const worker of this.workers) worker.terminate();
      this.workers = [];
    }, IDLE_MS);
    this.timer.unref?.();
  }
  async close() {
    clearTimeout(this.timer);
    await Promise.all(this.all.map((worker) => worker.terminate()));
    this.workers = [];
    this.planner = null;
  }
}
