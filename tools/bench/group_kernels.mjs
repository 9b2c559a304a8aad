// The inner loops as wasm, against memcpy in the same run (kernels.mjs, kernel_bench.h).
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';

import { cache, root } from './measure.mjs';
import { row, shown } from './rows.mjs';

export const name = 'kernels';

export const cases = () => [{
  name: 'kernels/wasm',
  run() {
    const json = path.join(cache, 'kernels.json');
    const done = spawnSync(process.execPath, ['tools/bench/kernels.mjs', '--json', json], { cwd: root, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    if (done.status !== 0 && done.status !== 1) throw new Error(done.error?.message ?? done.stderr);
    return JSON.parse(readFileSync(json, 'utf8')).map(({ name: full, value, memcpy, bound }) => {
      const title = `kernels/${full.replace('wasm/', '')}`;
      if (bound === 0) return shown(title, 'GB/s', value, memcpy);
      return row(title, 'GB/s', value, { baseline: memcpy, must: 'ratio >=', bound });
    });
  },
}];
