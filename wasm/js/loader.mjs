// The wasm module without glue: what it imports, what it exports, and how values cross.
//
//   const core = instantiate(module);
//   core.window            { pointer, size }: the reused buffer that files are read into
//   core.view(p, n)        bytes of the heap; made anew after every call, since memory may grow
//   core.session(request)  Session, see wasm/bindings.cc; text crosses as UTF-8 JSON
//
// Errors   calls throw WhittleError. A trap throws WhittleError 'internal', or 'limit' when the heap was
//          exhausted; the instance is dead then and must be dropped (core.dead).

import { WhittleError, fromPlain } from './errors.mjs';

// All that the module may import; tests/wasm/loader.test.mjs holds the module to this list.
export const imports = (memory) => ({
  env: { emscripten_notify_memory_growth() {} },
  wasi_snapshot_preview1: {
    proc_exit(code) { throw new WebAssembly.RuntimeError(`exit ${code}`); },
    // The core slices its work by this clock.
    clock_time_get(id, precision, pointer) {
      const nanoseconds = BigInt(Math.round(performance.now() * 1e6));
      new DataView(memory().buffer).setBigUint64(pointer, nanoseconds, true);
      return 0;
    },
    // EBADF: the core prints nothing and reads nothing.
    fd_write: () => 8,
    fd_seek: () => 8,
    fd_close: () => 8,
  },
});

export const STATES = ['need', 'jobs', 'planned', 'progress', 'done', 'error'];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class Core {
  constructor(module) {
    this.dead = false;
    this.exports = new WebAssembly.Instance(module, imports(() => this.memory)).exports;
    this.call('_initialize');
    this.window = { pointer: this.call('whittle_window'), size: this.call('whittle_window_size') };
    if (!this.window.pointer) throw new WhittleError('limit', 'not enough memory to start');
    this.outOfMemory = this.call('whittle_out_of_memory');  // address of a flag
  }

  get memory() { return this.exports.memory; }
  get heapBytes() { return this.memory.buffer.byteLength; }
  view(pointer, size) { return new Uint8Array(this.memory.buffer, pointer >>> 0, size >>> 0); }

  call(name, ...values) {
    if (this.dead) throw new WhittleError('internal', 'the module has stopped after an earlier fault');
    try {
      return this.exports[name](...values);
    } catch (thrown) {
      this.dead = true;
      const full = this.outOfMemory && this.view(this.outOfMemory, 1)[0];
      if (full) throw new WhittleError('limit', 'the memory that WebAssembly may use is exhausted');
      throw new WhittleError('internal', `the module stopped (${thrown.message})`);
    }
  }

  // Calls `name` and returns a copy of, or a view on, the bytes it points to.
  viewOf(name, ...values) {
    const pointer = this.call(name, ...values);
    return this.view(pointer, this.exports.whittle_size());
  }
  text(name, ...values) { return decoder.decode(this.viewOf(name, ...values)); }
  json(name, ...values) { return JSON.parse(this.text(name, ...values)); }

  // For a call that answers 0 for success and else leaves an error to be fetched.
  check(name, ...values) {
    if (this.call(name, ...values) !== 0) throw fromPlain(this.json('whittle_error'));
  }

  // Runs body(pointer) with `size` bytes of the heap.
  withBytes(size, body) {
    const pointer = this.call('whittle_alloc', size);
    if (!pointer) throw new WhittleError('limit', `no ${size} bytes of memory left`);
    let ended = false;
    const free = (value) => {
      if (!ended && !this.dead) this.call('whittle_free', pointer);
      ended = true;
      return value;
    };
    try {
      const result = body(pointer);
      return result instanceof Promise ? result.finally(free) : free(result);
    } catch (thrown) {
      free();
      throw thrown;
    }
  }
  withCopy(bytes, body) {
    return this.withBytes(bytes.length || 1, (pointer) => {
      this.view(pointer, bytes.length).set(bytes);
      return body(pointer, bytes.length);
    });
  }
}

// One run of the planner. Ids, offsets and sizes are plain numbers up to 2^53.
export class Session {
  constructor(core, request) {
    this.core = core;
    this.handle = core.withCopy(encoder.encode(JSON.stringify(request)),
      (pointer, size) => core.call('whittle_session_new', pointer, size));
    if (!this.handle) throw new WhittleError('limit', 'not enough memory to start');
  }
  step() { return STATES[this.core.call('whittle_session_step', this.handle)]; }
  cancel() { this.core.call('whittle_session_cancel', this.handle); }
  progress() { return this.core.call('whittle_session_progress', this.handle); }
  phase() { return this.core.text('whittle_session_phase', this.handle); }
  needs() { return this.core.json('whittle_session_needs', this.handle); }
  outputs() { return this.core.json('whittle_session_outputs', this.handle); }
  report() { return this.core.json('whittle_session_report', this.handle); }
  error() { return fromPlain(this.core.json('whittle_session_error', this.handle)); }

  // Jobs with owned descriptors, ready to be posted.
  jobs() {
    const jobs = this.core.json('whittle_session_jobs', this.handle);
    jobs.forEach((job, index) => {
      job.descriptor = this.core.viewOf('whittle_session_descriptor', this.handle, index).slice();
    });
    return jobs;
  }
  provide(range, pointer) {
    this.core.check('whittle_session_provide', this.handle, range.file, range.offset, range.length, pointer);
  }
  jobDone(id, result) {
    this.core.withCopy(result, (pointer, size) =>
      this.core.check('whittle_session_job_done', this.handle, id, pointer, size));
  }
  literal(file, segment) { return this.core.viewOf('whittle_session_literal', this.handle, file, segment); }
  free() {
    if (!this.core.dead) this.core.call('whittle_session_free', this.handle);
  }
}
