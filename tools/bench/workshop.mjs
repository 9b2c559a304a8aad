// workshop.mjs: the models that cases share, made when first asked for in .cache/bench, and cleared away at the end.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';

import { cache, command } from './measure.mjs';
import { Skip } from './rows.mjs';
import { kLarge, write_layered, write_large } from './synthetic.mjs';

export const kNets = ['mobilenetv2', 'resnet50', 'bert-base-like'];
export const kLargeNames = Object.keys(kLarge);

export class Workshop {
  constructor({ keep = false } = {}) {
    this.keep = keep;
    this.results = path.join(cache, 'results');
    rmSync(this.results, { recursive: true, force: true });
    mkdirSync(this.results, { recursive: true });
  }

  // A place for a result, free.
  place(name) {
    const place = path.join(this.results, name);
    rmSync(place, { recursive: true, force: true });
    return place;
  }

  python() {
    const python = process.env.WHITTLE_PYTHON ?? '';
    if (!existsSync(python)) throw new Skip('no TensorFlow: tools/setup oracle, or WHITTLE_PYTHON');
    return python;
  }

  // One of kNets, made by TensorFlow.
  net(name) {
    const tools = process.env.WHITTLE_TOOLS;
    if (!tools) throw new Skip('WHITTLE_TOOLS does not say where make_big_models.py is');
    return this.#made(name, (place) => {
      const script = path.join(tools, 'make_big_models.py');
      if (!existsSync(script)) throw new Skip(`${script} does not exist`);
      run(this.python(), [script, path.dirname(place), path.basename(place)]);
    });
  }
  large(name) { return this.#made(name, (place) => write_large(place, kLarge[name])); }
  layered(nodes) { return this.#made(`layered-${nodes}`, (place) => write_layered(place, nodes)); }

  // What Whittle makes of a net with a preset; not timed.
  result(name, preset) {
    return this.#made(`${name}-${preset}`, (place) => run(process.execPath, [command, 'optimize', this.net(name), '-o', place,
      '--form', 'frozen', '--preset', preset, '--no-verify', '--quiet']), this.results);
  }

  #made(name, make, folder = path.join(cache, 'models')) {
    const place = path.join(folder, name);
    if (existsSync(place)) return place;
    const unfinished = path.join(folder, 'unfinished', name);
    rmSync(path.dirname(unfinished), { recursive: true, force: true });
    mkdirSync(path.dirname(unfinished), { recursive: true });
    process.stderr.write(`making ${name} …\n`);
    make(unfinished);
    renameSync(unfinished, place);
    rmSync(path.dirname(unfinished), { recursive: true });
    return place;
  }

  // Room for the next: large models are needed by one group after the other.
  clear() {
    rmSync(this.results, { recursive: true, force: true });
    if (!this.keep) rmSync(path.join(cache, 'models'), { recursive: true, force: true });
  }
}

function run(program, args) {
  const done = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (done.status !== 0) throw new Error(`${path.basename(program)} ${path.basename(args[0])}: ${done.error?.message ?? done.stderr.slice(-2000)}`);
}
