// One table of command lines, through the command on Node and the native one: exit code, JSON and text on stdout, stderr,
// what lies in the output. First with the stand-in core below both, then with the real one on our own models.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { needs, paths, readTree, root, sameTree, someBytes, temporaryFolder, writeTree } from './support/setup.mjs';

function run(side, real, cwd, args, { signal, wrap, env = {} } = {}) {
  const program = side === 'node' ? [process.execPath, paths.command] : [real ? paths.native : paths.stubNative];
  const words = [...(wrap ?? []), ...program, ...args];
  const child = spawn(words[0], words.slice(1), {
    cwd, stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, WHITTLE_WASM: real ? paths.wasm : paths.stubWasm, ...env },
  });
  const result = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => { result.stdout += data; });
  child.stderr.on('data', (data) => { result.stderr += data; });
  if (signal) setTimeout(() => child.kill(signal), 700);
  return new Promise((resolve) => child.on('close', (status, by) => resolve({ ...result, status: status ?? by })));
}

// The time that a run took differs; nothing else may.
const timeless = (text) => text.replace(/, [0-9]+\.[0-9] s$/m, ', T s');

async function both(real, makeFolder, args, options = {}) {
  const seen = {};
  for (const side of ['node', 'native']) {
    const cwd = makeFolder();
    const result = await run(side, real, cwd, args, options);
    seen[side] = { cwd, ...result };
    if (options.before) assert.deepEqual(readdirSync(cwd).sort(), options.before, `${side}: something was left behind`);
  }
  const { node, native } = seen;
  const said = `\nnode: ${node.stderr}${node.stdout.slice(0, 2000)}\nnative: ${native.stderr}${native.stdout.slice(0, 2000)}`;
  assert.equal(native.status, node.status, said);
  assert.equal(native.stderr, node.stderr);
  if (args.includes('--json') && node.stdout) assert.deepEqual(JSON.parse(native.stdout), JSON.parse(node.stdout));
  else assert.equal(timeless(native.stdout), timeless(node.stdout));
  sameTree(assert, readTree(native.cwd), readTree(node.cwd));
  return node;
}

const FILES = { 'saved_model.pb': someBytes(50_000, 3), 'variables/data': someBytes(700_000, 4) };
const stubBuilt = needs('stubWasm', 'stubNative');

describe('commands, with the stand-in core', stubBuilt, () => {
  if (stubBuilt.skip) return;
  const folder = () => {
    const made = temporaryFolder();
    writeTree(path.join(made, 'in'), FILES);
    writeTree(path.join(made, 'full'), { mine: Buffer.from('x') });
    writeTree(made, { 'taken.zip': Buffer.from('z'), 'recipe.json': Buffer.from('{"preset":"int8"}'), 'bad.json': Buffer.from('{') });
    mkdirSync(path.join(made, 'empty'));
    return made;
  };
  const START = ['bad.json', 'empty', 'full', 'in', 'recipe.json', 'taken.zip'];

  // [exit code, what stderr must say, words…]
  const TABLE = [
    [0, '', '--help'], [0, '', '-h'], [0, '', '--version'],
    [0, '', 'inspect', '--help'], [0, '', 'optimize', 'in', '-h'], [0, '', 'list', '--help'], [0, '', 'compare', '--help'],
    [2, 'a command is missing'],
    [2, 'there is no command', 'optimise', 'in'],
   
    [2, 'takes MODEL', 'inspect'], [2, 'takes MODEL', 'inspect', 'in', 'in'], [2, 'takes WHAT', 'list'],
    [2, 'must be one of', 'list', 'everything'],
    [2, 'needs --output', 'optimize', 'in'],
    [2, 'needs a value', 'optimize', 'in', '-o'], [2, 'needs a value', 'optimize', 'in', '-o', ''],
    [2, 'has no option --sharpen', 'optimize', 'in', '-o', 'out', '--sharpen', '3'],
    [2, 'has no option --preset', 'inspect', 'in', '--preset', 'int8'],
    [2, 'has no option -x', 'optimize', '-x'],
    [2, 'has no option --', 'optimize', '--=3'],
    [2, 'must be one of exact', 'optimize', 'in', '-o', 'out', '--preset', 'int4'],
    [2, 'must be one of saved_model', 'optimize', 'in', '-o', 'out', '--format=tfjs'],
    [2, 'must be one of frozen', 'optimize', 'in', '-o', 'out', '--form=slim'],
    [2, 'given twice', 'optimize', 'in', '-o', 'out', '--output', 'b'],
    [2, 'takes no value', 'optimize', 'in', '-o', 'out', '--force=yes'],
    [2, 'exclude each other', 'optimize', 'in', '-o', 'out', '--preset', 'int8', '--transforms', 'x'],
    [2, 'exclude each other', 'optimize', 'in', '-o', 'out', '--signatures', 'a', '--outputs', 'x'],
    [2, 'needs --outputs', 'optimize', 'in', '-o', 'out', '--inputs', 'x'],
    [2, 'a .pb holds a graph_def', 'optimize', 'in', '-o', 'a.pb', '--format', 'saved_model'],
    [2, 'a whole number', 'optimize', 'in', '-o', 'out', '--workers', '0'],
    [2, 'a whole number', 'optimize', 'in', '-o', 'out', '--workers', '1e1'],
    [2, 'a whole number', 'optimize', 'in', '-o', 'out', '--verify', '0'],
    [2, 'must be a number', 'optimize', 'in', '-o', 'out', '--min-sqnr', '1e3'],
    [2, 'must be a number', 'optimize', 'in', '-o', 'out', '--min-sqnr', '.5'],
    [2, 'exclude each other', 'optimize', 'in', '-o', 'out', '--no-verify', '--min-sqnr', '30'],
    [2, 'takes A B', 'compare', 'in'],
    [1, 'not_found', 'compare', 'in', 'none'],
    [1, 'not_found', 'optimize', 'in', '-o', 'out', '--samples', 'none.npz'],
    [0, '', 'list', 'presets'], [0, '', 'list', 'transforms', '--json'],
    [0, '', 'inspect', 'in'], [0, '', 'inspect', 'in', '--json', '--tags', 'a,b'], [0, '', 'inspect', 'in/'], [0, '', 'inspect', 'in', '--quiet'],
    [0, '', 'inspect', './in/../in/saved_model.pb', '--json'],
    [1, 'not_found', 'inspect', 'none', '--json'], [1, 'not_found', 'inspect', 'none'], [1, 'not_found', 'inspect', 'empty'],
    [1, 'not a folder', 'inspect', 'in/saved_model.pb/x'],
    [0, '', 'optimize', 'in', '-o', 'out'], [0, '', 'optimize', 'in', '-o', 'out/', '--json'], [0, '', 'optimize', 'in', '-o', 'empty', '--quiet'],
    [0, '', 'optimize', 'in', '--output=out', '--json', '--workers', '8', '--transforms', 'many'],
    [0, '', 'optimize', 'in', '-o', 'out', '--transforms', 'strided'],
    [0, '', 'optimize', 'in', '-o', 'out.zip', '--json'], [0, '', 'optimize', 'in', '-o', 'taken.zip', '--force', '--transforms', 'many'],
    [0, '', 'optimize', 'in', '-o', 'full', '--force'],
    [0, '', 'optimize', 'in', '-o', 'out', '--recipe', 'recipe.json', '--json'],
    [0, '', 'optimize', 'in', '-o', 'out', '--inputs', 'a', '--outputs', 'b,c', '--tags', '', '--keep-devices', '--form', 'frozen'],
    [0, '', 'optimize', 'in', '-o', 'out', '--outputs', 'b,c'],
    [1, 'the result has 4 files', 'optimize', 'in', '-o', 'a.pb'],
    [1, 'not JSON', 'optimize', 'in', '-o', 'out', '--recipe', 'bad.json', '--json'],
    [1, 'not_found', 'optimize', 'in', '-o', 'out', '--recipe', 'none.json'],
    [1, 'not empty', 'optimize', 'in', '-o', 'full'], [1, 'not empty', 'optimize', 'in', '-o', 'full', '--json'],
    [1, 'is a file', 'optimize', 'in', '-o', 'recipe.json'], [1, '--force', 'optimize', 'in', '-o', 'taken.zip'],
    [1, 'inside of the input', 'optimize', 'in', '-o', 'in/out'], [1, 'inside of the input', 'optimize', 'in', '-o', 'in', '--force'],
    [1, 'inside of the output', 'optimize', 'in', '-o', '.', '--force'],
    [1, 'does not exist', 'optimize', 'in', '-o', 'no/out'],
    [1, 'too short, in node a, in saved_model.pb', 'optimize', 'in', '-o', 'out', '--transforms', 'corrupt', '--json'],
    [1, 'in variables.data', 'optimize', 'in', '-o', 'out', '--transforms', 'corrupt_job'],
    [1, 'in variables.data', 'optimize', 'in', '-o', 'full', '--force', '--transforms', 'corrupt_job'],
  ];

  for (const [exit, says, ...words] of TABLE) {
    test(`whittle ${words.join(' ')}`, async () => {
      const leavesNothing = exit !== 0 || !words.includes('optimize') || words.includes('-h');
      const { status, stderr, stdout } = await both(false, folder, words, leavesNothing ? { before: START } : {});
      assert.equal(status, exit, stderr);
      if (says) assert.ok(stderr.includes(says), stderr);
      else assert.equal(stderr, '');
      if (words.includes('--json') && exit !== 2) JSON.parse(stdout);
      if (words.includes('--quiet')) assert.equal(stdout, '');
    });
  }

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    test(`${signal} in the middle: exit 130, nothing is left`, async () => {
      const args = ['optimize', 'in', '-o', 'full', '--force', '--transforms', 'slow_job'];
      const { status, stderr } = await both(false, () => {
        const made = folder();
        writeTree(path.join(made, 'in'), { 'variables/long': new Uint8Array(200 << 20) });
        return made;
      }, args, { signal, before: START });
      assert.equal(status, 130);
      assert.equal(stderr, 'error: cancelled: cancelled\n');
    });
  }
  test('a write error in the middle (no room): exit 1, nothing is left', async () => {
    // 200 KiB a file is all that may be written; the signal that would end the program is ignored, as on a full disk.
    const wrap = ['bash', '-c', "trap '' XFSZ; ulimit -f 200; exec \"$@\"", 'limited'];
    for (const out of ['out', 'out.zip', 'full']) {
      const { status, stderr } = await both(false, folder, ['optimize', 'in', '-o', out, '--force', '--workers', '1'], { wrap, before: START });
      assert.equal(status, 1);
      assert.match(stderr, /^error: io: the file would become too large for its file system, in (out|full)/);
    }
  });
  test('a reader that goes away is no failure', async () => {
    for (const side of ['node', 'native']) {
      const cwd = folder();
      const wrap = ['bash', '-c', 'set -o pipefail; "$@" | true', 'piped'];
      const { status, stderr } = await run(side, false, cwd, ['optimize', 'in', '-o', 'out', '--json', '--transforms', 'many'], { wrap });
      assert.equal(status, 0, stderr);
      assert.ok(existsSync(path.join(cwd, 'out/out/saved_model.pb')));
    }
  });
  test('no colours and no bar without a terminal', async () => {
    const { stdout, stderr } = await both(false, folder, ['optimize', 'in', '-o', 'out']);
    assert.doesNotMatch(stdout + stderr, /\x1b/);
  });
  test('on a terminal there is a bar on stderr, and NO_COLOR is heeded', async () => {
    for (const side of ['node', 'native']) {
      const program = side === 'node' ? `'${process.execPath}' '${paths.command}'` : `'${paths.stubNative}'`;
      for (const noColor of [false, true]) {
        const cwd = folder();
        const python = `import os, pty, sys\nstatus = pty.spawn(['sh', '-c', sys.argv[1]])\nsys.exit(os.waitstatus_to_exitcode(status))`;
        const result = await run(side, false, cwd, [], {
          wrap: ['python3', '-c', python, `${program} optimize in -o out --transforms slow_job`],
          env: { TERM: 'xterm', ...(noColor ? { NO_COLOR: '1' } : {}) },
        });
        assert.equal(result.status, 0, result.stdout);
        assert.match(result.stdout, /\[#*-*\] [0-9]+ %/);
        assert.equal(result.stdout.includes('\x1b[1m'), !noColor);
      }
    }
  });
});

const realBuilt = needs('wasm', 'native');
describe('commands, with the real core', realBuilt, () => {
  if (realBuilt.skip) return;
  const sample = path.join(root, 'examples/sample/digits_cnn');
  const folder = () => {
    const made = temporaryFolder();
    cpSync(sample, path.join(made, 'digits'), { recursive: true });
    cpSync(path.join(root, 'tests/corpus/frozen-mobile-block/graph.pb'), path.join(made, 'graph.pb'));
    writeFileSync(path.join(made, 'not_a_model.h5'), Buffer.from('\x89HDF\r\n\x1a\n........'));
    writeFileSync(path.join(made, 'image.json'), JSON.stringify({ instances: [0, 1].map((v) => Array.from({ length: 8 }, () => Array.from({ length: 8 }, () => [v]))) }));
    return made;
  };
  const START = ['digits', 'graph.pb', 'image.json', 'not_a_model.h5'];
  const TABLE = [
    [0, 'inspect', 'digits'], [0, 'inspect', 'digits', '--json'], [0, 'inspect', '.', '--json'], [0, 'inspect', 'graph.pb', '--json'],
    [1, 'inspect', 'not_a_model.h5'], [1, 'inspect', 'digits', '--tags', 'train'], [1, 'inspect', 'digits/variables'],
    ...['presets', 'transforms', 'schemes', 'kernels'].flatMap((what) => [[0, 'list', what], [0, 'list', what, '--json']]),
    ...['exact', 'float', 'half', 'int8'].map((preset) => [0, 'optimize', 'digits', '-o', 'out', '--preset', preset]),
    [0, 'optimize', 'digits', '-o', 'out', '--json'], [0, 'optimize', 'digits', '-o', 'out.zip', '--json'],
    [0, 'optimize', 'digits', '-o', 'out.pb'], [0, 'optimize', 'digits', '-o', 'out', '--format', 'graph_def', '--json'],
    [0, 'optimize', 'graph.pb', '-o', 'out.pb', '--preset', 'half', '--inputs', 'image', '--outputs', 'answer,raw'],
    [0, 'optimize', 'graph.pb', '-o', 'out', '--outputs', 'answer,raw'],
    [1, 'optimize', 'graph.pb', '-o', 'out', '--outputs', 'none'],
    [1, 'optimize', 'graph.pb', '-o', 'out.pb', '--preset', 'half'],
    [0, 'optimize', 'digits', '-o', 'out', '--transforms', 'fold_batch_norms quantize_weights(minimum_size=100)', '--json'],
    [1, 'optimize', 'digits', '-o', 'out', '--transforms', 'no_such_transform', '--json'],
    [1, 'optimize', 'digits', '-o', 'out', '--signatures', 'none', '--json'],
    [0, 'optimize', 'digits', '-o', 'out', '--verify', '3', '--json'], [0, 'optimize', 'digits', '-o', 'out', '--no-verify', '--json'],
    [0, 'optimize', 'digits', '-o', 'out', '--min-sqnr', '20', '--min-agreement', '0.5'],
    [0, 'optimize', 'digits', '-o', 'out', '--samples', 'image.json', '--json'],
    [1, 'optimize', 'digits', '-o', 'out', '--samples', 'not_a_model.h5'],
    [0, 'optimize', 'digits', '-o', 'out', '--explain', 'conv/Conv2D,none', '--json'], [0, 'optimize', 'digits', '-o', 'out', '--stop-after', '2', '--json'],
    [0, 'compare', 'digits', 'digits'], [0, 'compare', 'digits', 'digits', '--json', '--verify', '2'],
    [0, 'compare', 'digits', 'graph.pb', '--json'],
  ];
  for (const [exit, ...words] of TABLE) {
    test(`whittle ${words.join(' ')}`, async () => {
      const { status, stderr } = await both(true, folder, words, exit === 0 && words[0] === 'optimize' ? {} : { before: START });
      assert.equal(status, exit, stderr);
      if (exit === 0) assert.equal(stderr, '');
    });
  }
  test('a missed bound: exit 3 and nothing is left, or the result with --keep-anyway', async () => {
    const missed = await both(true, folder, ['optimize', 'digits', '-o', 'out', '--min-sqnr', '150', '--json'], { before: START });
    assert.equal(missed.status, 3, missed.stderr);
    const { error } = JSON.parse(missed.stdout);
    assert.equal(error.code, 'bound_missed');
    assert.match(error.message, /dB, the bound is 150\.0/);
    const kept = await both(true, folder, ['optimize', 'digits', '-o', 'out', '--min-sqnr', '150', '--keep-anyway', '--json']);
    assert.equal(kept.status, 3, kept.stderr);
    const { verification } = JSON.parse(kept.stdout);
    assert.equal(verification.state, 'missed');
    assert.ok(verification.signatures.every(({ probes, outputs }) => probes === 8 && outputs.every(({ missed: m, sqnr_db: db }) => m && db > 20 && db < 150)));
    assert.ok(existsSync(path.join(kept.cwd, 'out', 'saved_model.pb')));
  });
  test('compare tells how far the result is from its original, as optimize did', async () => {
    const optimized = await both(true, folder, ['optimize', 'digits', '-o', 'out', '--json']);
    const compared = await run('native', true, optimized.cwd, ['compare', 'digits', 'out', '--json']);
    const { verification } = JSON.parse(optimized.stdout);
    const { signatures } = JSON.parse(compared.stdout);
    assert.equal(verification.state, 'close');
    assert.deepEqual(signatures.map(({ outputs }) => outputs.map(({ sqnr_db: db }) => db)), verification.signatures.map(({ outputs }) => outputs.map(({ sqnr_db: db }) => db)));
  });
  test('tools/reduce finds the one layer that misses a bound', () => {
    const cwd = folder();
    const whittle = [process.execPath, path.join(root, 'wasm/bin/whittle.mjs')];
    const run = spawnSync(process.execPath, [path.join(root, 'tools/lib/reduce.mjs'), 'graph.pb', '-o', 'small.pb', '--outputs', 'answer,raw', '--',
      ...whittle, 'optimize', '{}', '-o', 'out.pb', '--force', '--quiet', '--min-sqnr', '70', '--inputs', '{inputs}', '--outputs', '{outputs}'], { cwd, encoding: 'utf8' });
    assert.equal(run.status, 0, run.stderr);
    assert.match(run.stdout, /^small\.pb: 3 nodes after \d+ runs/);
    assert.ok(existsSync(path.join(cwd, 'small.pb')));
  });
  test('--outputs alone feeds the placeholders they depend on; a second run of the result gives the same bytes', async () => {
    const named = await both(true, folder, ['optimize', 'graph.pb', '-o', 'out', '--inputs', 'image', '--outputs', 'answer,raw']);
    const alone = await both(true, folder, ['optimize', 'graph.pb', '-o', 'out', '--outputs', 'answer,raw']);
    const out = readTree(path.join(alone.cwd, 'out'));
    sameTree(assert, out, readTree(path.join(named.cwd, 'out')));
    const withResult = () => {
      const made = temporaryFolder();
      cpSync(path.join(alone.cwd, 'out'), path.join(made, 'first'), { recursive: true });
      return made;
    };
    const again = await both(true, withResult, ['optimize', 'first', '-o', 'out', '--outputs', 'answer,raw']);
    sameTree(assert, readTree(path.join(again.cwd, 'out')), out);
  });
  test('a signature made of named tensors says what the signatures of the model said about them', async () => {
    const { cwd, status, stderr } = await both(true, folder, ['optimize', 'digits', '-o', 'out', '--outputs', 'StatefulPartitionedCall']);
    assert.equal(status, 0, stderr);
    const { stdout } = await run('native', true, cwd, ['inspect', 'out', '--json']);
    const [{ inputs: [input], outputs: [output] }] = JSON.parse(stdout).signatures;
    assert.deepEqual([input.name, input.dtype, input.shape], ['serving_default_image:0', 'float32', [null, 8, 8, 1]]);
    assert.deepEqual([output.name, output.dtype, output.shape], ['StatefulPartitionedCall:0', 'float32', [null, 10]]);
  });
  test('the same bytes with 1 and 8 workers', async () => {
    const one = await both(true, folder, ['optimize', 'digits', '-o', 'out', '--workers', '1', '--json']);
    const eight = await both(true, folder, ['optimize', 'digits', '-o', 'out', '--workers', '8', '--json']);
    assert.equal(one.stdout, eight.stdout);
    sameTree(assert, readTree(path.join(one.cwd, 'out')), readTree(path.join(eight.cwd, 'out')));
  });
});

describe('the table of options', () => {
  test('both parsers, their help and the docs are up to date with tools/options.json', async () => {
    const { spawnSync } = await import('node:child_process');
    const { status, stderr } = spawnSync(process.execPath, [path.join(root, 'tools/generate_options.mjs'), '--check'], { encoding: 'utf8' });
    assert.equal(status, 0, stderr);
  });
});
