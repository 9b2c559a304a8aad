// machine.mjs: where and of what the figures are.
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release, totalmem } from 'node:os';

import { root } from './measure.mjs';

const git = (...words) => {
  try {
    return execFileSync('git', ['-C', root, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return '';
  }
};

export const describe_machine = () => ({
  cpu: cpus()[0]?.model.trim() || 'unknown',
  cores: cpus().length,
  memory_gb: Math.round(totalmem() / 1e9),
  system: `Linux ${release()}`,
  node: process.version,
  load: Number(loadavg()[0].toFixed(2)),  // of the last minute, as the run begins: other programs disturb above 0.5
});

// The commit, with what is not committed said. The bench's own results do not count.
export function describe_commit() {
  const changed = git('status', '--porcelain', '--untracked-files=no').split('\n').filter((text) => text && !text.includes('docs/benchmarks.'));
  return `${git('rev-parse', 'HEAD') || 'unknown'}${changed.length > 0 ? ' with changes' : ''}`;
}
