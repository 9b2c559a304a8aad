// createOptimizer and what it gives, for any platform.
//
// A platform has
//   start(number)        a worker's channel (pool.mjs)
//   loadWasm()           the module's bytes or a response, when the caller gave none
//   openSource(source)   {name, files: [{path, size, source}]}
//   prepare(sink, context)  may refuse or equip a sink before a run
//   cores                how many there are
//   newModel(), close()  storage of earlier results may go

import { cancelled, toWhittleError, WhittleError } from './errors.mjs';
import { Pool } from './pool.mjs';
import { runSession } from './run.mjs';

// (module (func (result v128) i32.const 0 i8x16.splat)): valid where WebAssembly has SIMD.
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11);

async function compile(given) {
  let value = await given;
  if (value instanceof WebAssembly.Module) return value;
  // Before Response is named: in Node that alone loads its fetch, 40 ms.
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return WebAssembly.compile(value);
  if (typeof value === 'string' || value instanceof URL) value = await fetch(value);
  if (typeof Response !== 'undefined' && value instanceof Response) {
    if (!value.ok) throw new WhittleError('not_found', `whittle.wasm could not be fetched (${value.status})`);
    value = await value.arrayBuffer();
  }
  return WebAssembly.compile(value);
}

export async function createOptimizer(platform, options = {}) {
  const workers = options.workers ?? Math.max(1, Math.min(4, platform.cores));
  if (!Number.isInteger(workers) || workers < 1 || workers > 64) {
    throw new WhittleError('invalid_argument', 'workers must be a whole number from 1 to 64');
  }
  if (typeof WebAssembly !== 'object') throw new WhittleError('unsupported', 'WebAssembly is not available or blocked here');
  if (!WebAssembly.validate(SIMD)) {
    throw new WhittleError('unsupported', 'WebAssembly SIMD is missing here: it needs Chrome 91, Firefox 89, Safari 16.4 or newer');
  }
  const compiling = compile(options.wasm ?? platform.loadWasm()).catch((thrown) => {
    if (thrown instanceof WhittleError) throw thrown;
    throw new WhittleError('unsupported', `the WebAssembly module could not be loaded (${thrown.message})`);
  });
  compiling.catch(() => {});
  const pool = new Pool((number) => platform.start(number), options.internal);
  let version;
  try {
    const planner = pool.takePlanner();  // its thread starts while the module is compiled
    pool.load(await compiling);
    version = await planner.ready;
    await pool.settle();
  } catch (thrown) {
    await pool.close();
    throw thrown;
  }
  return new Optimizer(platform, pool, workers, version);
}

const OPTIONS = ['preset', 'transforms', 'recipe', 'format', 'form', 'tags', 'signatures', 'inputs', 'outputs'];
const OTHER = ['sink', 'force', 'signal', 'onProgress', 'samples'];
// Those whose names differ here and in the core.
const RENAMED = { keepDevices: 'keep_devices', verify: 'verify', minSqnr: 'min_sqnr', minAgreement: 'min_agreement', keepAnyway: 'keep_anyway', explain: 'explain', stopAfter: 'stop_after' };
const COMPARE = ['tags', 'signatures', 'verify', 'minSqnr', 'minAgreement', 'samples', 'signal', 'onProgress'];

function coreOptions(options, method, allowed) {
  const core = {};
  for (const [key, value] of Object.entries(options)) {
    if (!allowed.includes(key)) throw new WhittleError('invalid_argument', `${method}() has no option '${key}'`);
    if (value !== undefined && !OTHER.includes(key)) core[RENAMED[key] ?? key] = value;
  }
  return core;
}

class Optimizer {
  #platform; #pool; #workers; #tail = Promise.resolve(); #closing = new AbortController();
  #opened = new WeakMap();  // model → its files

  constructor(platform, pool, workers, version) {
    this.#platform = platform;
    this.#pool = pool;
    this.#workers = workers;
    this.version = version;
  }

  async open(source, { tags, summary = true, signal } = {}) {
    return this.#enqueue(signal, async (stop) => {
      await this.#platform.newModel?.();
      const opened = await this.#platform.openSource(source);
      const { files } = opened;
      const described = summary ? await this.#run('inspect', files, { tags }, stop) : null;
      const model = {
        name: opened.name,
        files: files.map(({ path, size }) => ({ path, size })),
        summary: described,
        optimize: (options) => this.#optimize(opened, options),
        compare: (other, options = {}) => this.#compare(opened, other, options),
        evaluate: (samples, { signal: end } = {}) =>
          this.#enqueue(end, (halt) => this.#run('evaluate', files, { samples }, halt)),
      };
      this.#opened.set(model, opened);
      return model;
    });
  }

  async list(what) {
    return this.#enqueue(undefined, (stop) => this.#run('list', [], { what }, stop));
  }

  get heapBytes() { return this.#pool.heapBytes; }

  async close() {
    this.#closing.abort();
    await this.#tail;
    await this.#pool.close();
    await this.#platform.close?.();
  }

  async #optimize(opened, options) {
    const core = coreOptions(options, 'optimize', [...OPTIONS, ...OTHER, ...Object.keys(RENAMED)]);
    const { sink, signal, onProgress, force = false, samples } = options;
    if (typeof sink?.begin !== 'function') {
      throw new WhittleError('invalid_argument', 'optimize() needs a sink: directory(…), zip() or memory()');
    }
    if (sink.used) throw new WhittleError('invalid_argument', 'a sink serves one run; make a new one');
    sink.used = true;
    return this.#enqueue(signal, async (stop) => {
      await this.#platform.prepare?.(sink, { opened, force });
      const files = [...opened.files, ...await this.#samples(samples)];
      const report = await this.#run('optimize', files, core, stop, { sink, name: opened.name, onProgress });
      if (sink.kind === 'zip') report.output.zipped_bytes = sink.size;
      return report;
    });
  }

  async #compare(opened, other, options) {
    const core = coreOptions(options, 'compare', COMPARE);
    const second = this.#opened.get(other);
    if (!second) throw new WhittleError('invalid_argument', 'compare() takes another model that this optimizer has opened');
    return this.#enqueue(options.signal, async (stop) => {
      const files = [...opened.files, ...second.files.map((file) => ({ ...file, role: 'other' })), ...await this.#samples(options.samples)];
      return this.#run('compare', files, core, stop, { onProgress: options.onProgress });
    });
  }

  // Files of samples: an array of what open() takes, or one.
  async #samples(samples) {
    if (samples === undefined) return [];
    const list = Array.isArray(samples) ? samples : [samples];
    const opened = await Promise.all(list.map((sample) => this.#platform.openSource(typeof sample?.arrayBuffer === 'function' ? [sample] : sample)));
    return opened.flatMap(({ files }) => files.map((file) => ({ ...file, role: 'samples' })));
  }

  async #run(command, files, options, signal, extra) {
    const request = { command, files: files.map(({ path, size, role }) => ({ path, size, role })), options };
    const { report } = await runSession({ pool: this.#pool, workers: this.#workers, files, request, signal, ...extra });
    return report;
  }

  // Calls wait for each other; one that is aborted while it waits rejects at once.
  #enqueue(signal, body) {
    const stop = new AbortController();
    const abort = () => stop.abort();
    const sources = [this.#closing.signal, ...(signal ? [signal] : [])];
    let started = false;
    const waiting = new Promise((resolve, reject) => {
      stop.signal.addEventListener('abort', () => { if (!started) reject(cancelled()); });
    });
    for (const source of sources) {
      source.addEventListener('abort', abort);
      if (source.aborted) abort();
    }
    const turn = this.#tail.then(() => {
      if (stop.signal.aborted) throw cancelled();
      started = true;
      return body(stop.signal);
    });
    this.#tail = turn.then(() => {}, () => {});
    return Promise.race([turn, waiting])
      .catch((thrown) => { throw toWhittleError(thrown); })
      .finally(() => { for (const source of sources) source.removeEventListener('abort', abort); });
  }
}
