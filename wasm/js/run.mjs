// One run of the core: the client's side of protocol.mjs.
//
//   runSession({pool, workers, files, request, sink, name, signal, onProgress})  → {report, outputs}
//
// The planner asks for jobs, workers run them, largest first; outputs go where the sink says. Whatever the order in
// which jobs end, the bytes are the same. A trap ends the attempt; one more is made with one worker.
//
// Errors   WhittleError. When it rejects, workers are still and the sink has removed what it wrote.

import { cancelled, fromPlain, toWhittleError, WhittleError } from './errors.mjs';
import { TASKS_AHEAD } from './protocol.mjs';
import { combineCrc } from './zip.mjs';

const START_BYTES = 8e6;

export async function runSession(options) {
  try {
    return await attempt(options);
  } catch (thrown) {
    if (!thrown.trap || options.signal?.aborted) throw thrown;
    // What ran out of memory may have been the verification; a result without one is better than none.
    const { request } = options;
    const given = request.options?.verify;
    const calmer = request.command !== 'optimize' || typeof given === 'number' ? request
      : { ...request, options: { ...request.options, verify: false, why_not_verified: 'the first attempt ran out of memory' } };
    return attempt({ ...options, request: calmer, workers: 1 });
  }
}

async function attempt({ pool, workers, files, request, sink, name, signal, onProgress }) {
  const run = new Run(pool, workers, files, sink, name, onProgress);
  const stop = () => run.fail(cancelled());
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop);
  try {
    const report = await run.go(request);
    await pool.settle();
    if (signal?.aborted) throw cancelled();
    if (sink && run.outputs) await sink.finish(run.pieces());
    return { report, outputs: run.outputs };
  } catch (thrown) {
    const error = toWhittleError(thrown);
    error.trap = thrown.trap;
    await pool.settle();
    await sink?.abort();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

class Run {
  constructor(pool, workers, files, sink, name, onProgress) {
    Object.assign(this, { pool, count: workers, files, sink, name, onProgress });
    this.outputs = null;
    this.written = [];     // piece by output file and segment
    this.fraction = 0;
    this.queue = [];       // tasks to hand out
    this.open = new Map();  // id → {task, done}
    this.seen = new Map();  // bytes read by tasks in work
    this.moved = 0;
    this.total = 0;
    this.promise = new Promise((resolve, reject) => Object.assign(this, { resolve, reject }));
    this.promise.catch(() => {});
    this.over = false;
  }

  fail(error) {
    if (this.over) return;
    this.over = true;
    this.queue = [];
    this.reject(error);
  }

  go(request) {
    if (this.over) return this.promise;
    this.planner = this.pool.takePlanner();
    // Workers start while the planner plans, where there is enough for them to do.
    if (this.sink && this.files.reduce((sum, file) => sum + file.size, 0) > START_BYTES) this.pool.takeWorkers(this.count);
    this.planner.listener = (message) => this.guard(() => this.fromPlanner(message));
    this.planner.post({ type: 'files', files: this.files });
    this.planner.begin({ type: 'plan', request });
    return this.promise;
  }

  async guard(body) {
    try {
      if (!this.over) await body();
    } catch (thrown) {
      this.fail(toWhittleError(thrown));
    }
  }
  failed(message) {
    const error = fromPlain(message.error);
    error.trap = message.trap;
    this.fail(error);
  }

  async fromPlanner(message) {
    switch (message.type) {
      case 'progress': return this.report(message.phase, message.fraction);
      case 'jobs': return this.scan(message.jobs);
      case 'planned': return this.write(message.outputs, message.jobs);
      case 'literals': return this.literals(message.pieces);
      case 'chunk': return this.chunk(this.planner, message);
      case 'failed': return this.failed(message);
      case 'done':
        this.over = true;
        return this.resolve(message.report);
      default: return undefined;
    }
  }

  async scan(jobs) {
    this.phase = 'scanning';
    await this.tasks(jobs.map((job) => ({ id: job.id, input: job.input, descriptor: job.descriptor, pieces: job.pieces })));
    this.planner.post({ type: 'results', results: [], resume: true });
  }

  async write(outputs, jobs) {
    this.phase = 'writing';
    this.outputs = outputs;
    this.written = outputs.map(() => []);
    const { folder } = await this.sink.begin({ files: outputs, name: this.name }) ?? {};
    if (this.over) return;
    this.folder = folder;

    const byId = new Map(jobs.map((job) => [job.id, job]));
    const tasks = [], literals = [];
    outputs.forEach((output, file) => {
      let offset = 0;
      output.segments.forEach(([kind, size, id, at], segment) => {
        const target = { ...this.sink.target(file, offset), size, file, crc: this.sink.wantsCrc };
        offset += size;
        if (kind === 'literal') literals.push({ file, segment, target });
        else if (kind === 'job') {
          const job = byId.get(id);
          tasks.push({ id, input: job.input, descriptor: job.descriptor, pieces: job.pieces, target, place: [file, segment] });
        } else {
          const pieces = [[id, at, size, size, 1]];
          tasks.push({ id: -1 - tasks.length, input: size, descriptor: null, pieces, target, place: [file, segment] });
        }
      });
    });

    this.planner.post({ type: 'files', files: this.files, folder });
    this.planner.post({ type: 'literals', targets: literals });
    const literalsDone = new Promise((resolve) => {
      this.literals = (pieces) => {
        pieces.forEach((piece, index) => { this.written[literals[index].file][literals[index].segment] = piece; });
        resolve();
      };
    });
    await Promise.all([this.tasks(tasks), literalsDone]);
    this.planner.post({ type: 'results', results: [], resume: true });
  }

  // Runs all tasks on the workers; resolves when each has been answered.
  async tasks(list) {
    if (list.length === 0) return;
    this.queue = list.sort((a, b) => b.input - a.input).reverse();  // taken from the end; equal ones in their order
    this.moved = 0;
    this.total = list.reduce((sum, task) => sum + task.input, 0);
    const workers = this.pool.takeWorkers(Math.min(this.count, list.length));
    for (const worker of workers) {
      worker.listener = (message) => this.guard(() => this.fromWorker(worker, message));
      worker.post({ type: 'files', files: this.files, folder: this.folder });
    }
    await new Promise((resolve) => {
      this.finished = resolve;
      for (let ahead = 0; ahead < TASKS_AHEAD; ++ahead) workers.forEach((worker) => this.hand(worker));
    });
  }
  hand(worker) {
    const task = this.queue.pop();
    if (!task) return;
    this.open.set(task.id, task);
    const { id, descriptor, pieces, target } = task;
    worker.begin({ type: 'task', task: { id, descriptor, pieces, target } });
  }
  fromWorker(worker, message) {
    switch (message.type) {
      case 'moved':
        this.seen.set(message.id, message.bytes);
        return this.reportBytes();
      case 'chunk': return this.chunk(worker, message);
      case 'failed': return this.failed(message);
      case 'worked': {
        const task = this.open.get(message.id);
        this.open.delete(message.id);
        this.seen.delete(message.id);
        this.moved += task.input;
        if (task.place) this.written[task.place[0]][task.place[1]] = message.piece;
        if (message.result) {
          this.planner.post({ type: 'results', results: [{ id: message.id, result: message.result }] });
        }
        this.hand(worker);
        this.reportBytes();
        if (this.open.size === 0 && this.queue.length === 0) this.finished();
        return undefined;
      }
      default: return undefined;
    }
  }

  async chunk(worker, { target, offset, bytes }) {
    const size = bytes.length;
    await this.sink.chunk(target.file, offset, bytes);
    worker.post({ type: 'ack', bytes: size });
  }

  // [{size, crc, parts}] by output file: the segments put together.
  pieces() {
    return this.written.map((segments, file) => {
      const whole = { size: 0, crc: 0, parts: [] };
      for (const piece of segments) {
        if (this.sink.wantsCrc) whole.crc = combineCrc(whole.crc, piece.crc, piece.size);
        whole.size += piece.size;
        if (piece.parts) for (const part of piece.parts) whole.parts.push(part);
      }
      if (whole.size !== this.outputs[file].size) {
        throw new WhittleError('internal', `${whole.size} of ${this.outputs[file].size} bytes`, [this.outputs[file].path]);
      }
      return whole;
    });
  }

  // Planning is the first tenth, scanning goes on to 0.45, writing takes the rest: as measured with int8, where both
  // passes read every weight and the second also writes.
  report(phase, fraction, done = 0, total = 0) {
    this.fraction = Math.max(this.fraction, Math.min(fraction, 1) * 0.1);
    this.tell(phase, done, total);
  }
  reportBytes() {
    let done = this.moved;
    for (const bytes of this.seen.values()) done += bytes;
    done = Math.min(done, this.total);
    const [from, to] = this.phase === 'writing' ? [0.45, 1] : [0.1, 0.45];
    this.fraction = Math.max(this.fraction, from + (to - from) * (this.total ? done / this.total : 1));
    this.tell(this.phase, done, this.total);
  }
  tell(phase, bytesDone, bytesTotal) {
    if (!this.onProgress) return;
    const last = bytesDone === bytesTotal && bytesTotal > 0;
    if (!last && this.told && performance.now() - this.told < 40) return;
    this.told = performance.now();
    this.onProgress({ phase, fraction: this.fraction, bytesDone, bytesTotal });
  }
}
