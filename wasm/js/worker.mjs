// A worker: plans, or moves weights, as it is told (protocol.mjs). The same in browsers and in Node; `platform` reads
// files, writes outputs and gives the event loop its turn.

import { Core, Session } from './loader.mjs';
import { cancelled, toWhittleError, WhittleError } from './errors.mjs';
import { readPieces } from './reader.mjs';
import { HEAP_LIMIT, SLICE_MS } from './protocol.mjs';

// post(message, transfer) sends to the client; returns the function that takes the client's messages.
export function serve(platform, post) {
  let module = null;
  let fresh = null;      // an instance that nobody has used yet
  let core = null;       // the instance for tasks
  let planning = null;   // {session, core, wake, inbox}
  let stopped = false;   // cancel was asked
  const tasks = [];
  let working = false;

  const fail = (thrown, trap = false, id = undefined) =>
    post({ type: 'failed', id, error: toWhittleError(thrown).toJSON(), trap });
  const instance = () => {
    const taken = fresh ?? new Core(module);
    fresh = null;
    return taken;
  };
  const checkStopped = () => { if (stopped) throw cancelled(); };

  const clock = { last: 0 };
  const breathe = async () => {
    const now = performance.now();
    if (now - clock.last < SLICE_MS) return;
    await platform.tick();
    clock.last = performance.now();
    checkStopped();
  };

  // Tasks, one after the other.
  async function runTask(task) {
    if (!core || core.dead) core = instance();
    const out = task.target ? await platform.output(task.target, core) : null;
    let moved = 0, told = performance.now();
    const emit = async (pointer, size) => {
      if (size === 0) return;
      if (!out) throw new WhittleError('internal', 'a scan gave output');
      out.write(pointer, size);
      await out.ready();
    };
    const take = async () => {
      const pointer = core.call('whittle_job_take');
      await emit(pointer, core.exports.whittle_size());
    };
    const push = async (size) => {
      if (task.descriptor) {
        core.check('whittle_job_push', size);
        await take();
      } else {
        await emit(core.window.pointer, size);
      }
      moved += size;
      checkStopped();
      await breathe();
      if (performance.now() - told > 50) {
        post({ type: 'moved', id: task.id, bytes: moved });
        told = performance.now();
      }
    };

    if (task.descriptor) core.withCopy(task.descriptor, (pointer, size) => core.check('whittle_job_begin', pointer, size));
    try {
      await readPieces(core, platform.source, task.pieces, push);
      let result = null;
      if (task.descriptor) {
        core.check('whittle_job_end');
        result = core.viewOf('whittle_job_result').slice();
        await take();
      }
      const piece = out ? await out.finish() : null;
      if (piece && piece.size !== task.target.size) {
        throw new WhittleError('internal', `a piece has ${piece.size} bytes, not ${task.target.size}`);
      }
      return { result, piece };
    } finally {
      if (task.descriptor && !core.dead) core.call('whittle_job_free');
    }
  }

  async function work() {
    if (working) return;
    working = true;
    while (tasks.length > 0) {
      const task = tasks.shift();
      try {
        checkStopped();
        const { result, piece } = await runTask(task);
        post({ type: 'worked', id: task.id, result, piece, heap: core.heapBytes });
      } catch (thrown) {
        fail(thrown, core?.dead ?? true, task.id);
        if (core?.dead) core = null;
      }
    }
    working = false;
  }

  // The planner.
  async function feed(session, planner) {
    for (const range of session.needs()) {
      await planner.withBytes(range.length || 1, async (pointer) => {
        const reading = platform.source.open(range.file, range.offset, range.length);
        try {
          await reading.fill((at, n) => planner.view(pointer + at, n), range.length);
        } finally {
          reading.close();
        }
        session.provide(range, pointer);
      });
      checkStopped();
    }
  }

  async function writeLiterals(session, planner, targets) {
    const pieces = [];
    for (const { file, segment, target } of targets) {
      const out = await platform.output(target, planner);
      const bytes = session.literal(file, segment);
      out.write(bytes.byteOffset, bytes.byteLength);
      await out.ready();
      pieces.push(await out.finish());
      await breathe();
    }
    post({ type: 'literals', pieces });
  }

  // Takes messages for a waiting session until one says to go on.
  async function serveSession(session, planner) {
    for (;;) {
      while (planning.inbox.length === 0) {
        checkStopped();
        await new Promise((resolve) => { planning.wake = resolve; });
      }
      checkStopped();
      const message = planning.inbox.shift();
      if (message.type === 'literals') await writeLiterals(session, planner, message.targets);
      else {
        for (const { id, result } of message.results) session.jobDone(id, result);
        if (message.resume) return;
      }
    }
  }

  async function plan(request) {
    // An instance of its own, dropped afterwards: a run leaves nothing behind and cannot meet a dead one.
    let planner = null;
    planning = { inbox: [], wake: () => {} };
    clock.last = performance.now();
    try {
      planner = instance();
      const session = new Session(planner, request);
      let told = 0;
      for (let state = session.step(); state !== 'done'; state = session.step()) {
        if (state === 'error') throw session.error();
        if (performance.now() - told > 50) {
          post({ type: 'progress', phase: session.phase(), fraction: session.progress() });
          told = performance.now();
        }
        if (state === 'need') await feed(session, planner);
        else if (state === 'jobs') {
          post({ type: 'jobs', jobs: session.jobs() });
          await serveSession(session, planner);
        } else if (state === 'planned') {
          post({ type: 'planned', outputs: session.outputs(), jobs: session.jobs() });
          await serveSession(session, planner);
        }
        await breathe();
      }
      // The instance goes as a whole: taking the session apart first would take time for nothing.
      post({ type: 'done', report: session.report(), heap: planner.heapBytes });
    } catch (thrown) {
      fail(thrown, planner?.dead ?? true);
    }
    planning = null;
  }

  return async function take(message) {
    switch (message.type) {
      case 'init':
        try {
          module = message.module;
          platform.init(message);
          fresh = new Core(module);
          post({ type: 'ready', version: fresh.text('whittle_version') });
        } catch (thrown) {
          fail(thrown);
        }
        break;
      case 'files':
        stopped = false;
        platform.setFiles(message);
        break;
      case 'plan': await plan(message.request); break;
      case 'results':
      case 'literals':
        planning?.inbox.push(message);
        planning?.wake();
        break;
      case 'task':
        tasks.push(message.task);
        await work();
        break;
      case 'ack': platform.acknowledge(message.bytes); break;
      case 'end':
        await platform.end();
        if (core && core.heapBytes > HEAP_LIMIT) core = null;
        post({ type: 'ended' });
        break;
      case 'cancel':
        stopped = true;
        planning?.wake();
        platform.acknowledge(Infinity);
        break;
    }
  };
}
