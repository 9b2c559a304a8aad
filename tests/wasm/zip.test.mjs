import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { combineCrc, localHeader, zipDirectory, zipLayout } from '../../wasm/js/zip.mjs';
import { someBytes, temporaryFolder } from './support/setup.mjs';

// node:zlib's crc32 is young (20.15); the same in ten lines serves older ones.
const crcOf = crc32 ?? ((bytes) => {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; ++bit) crc = (crc >>> 1) ^ (crc & 1 ? 0xEDB88320 : 0);
  }
  return ~crc >>> 0;
});

function makeZip(file, entries) {
  const layout = zipLayout(entries.map(({ name, bytes }) => ({ name, size: bytes.length })));
  const crcs = entries.map(({ bytes }) => crcOf(bytes));
  const parts = entries.flatMap(({ bytes }, index) => [localHeader(layout.entries[index], crcs[index]), bytes]);
  const whole = Buffer.concat([...parts, ...zipDirectory(layout, crcs)]);
  assert.equal(whole.length, layout.size);
  writeFileSync(file, whole);
}

const run = (program, args) => {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.ok(!error, error?.message);
  assert.equal(status, 0, stderr + stdout);
  return stdout;
};
const PYTHON = `
import sys, zipfile, json, zlib
z = zipfile.ZipFile(sys.argv[1])
assert sys.argv[2] == 'no' or z.testzip() is None
print(json.dumps([[i.filename, i.file_size, i.CRC, i.compress_type, i.flag_bits, i.external_attr >> 16, list(i.date_time)] for i in z.infolist()]))`;
const PERL = `
use IO::Uncompress::Unzip qw($UnzipError);
my $u = IO::Uncompress::Unzip->new($ARGV[0]) or die $UnzipError; my $status;
for ($status = 1; $status > 0; $status = $u->nextStream()) {
  my ($n, $b) = (0); while (($status = $u->read($b)) > 0) { $n += length $b } die if $status < 0;
  print $u->getHeaderInfo()->{Name}, " $n\\n";
}`;

describe('zip', () => {
  test('combineCrc is the checksum of both pieces', () => {
    const bytes = someBytes(5000);
    for (const cut of [0, 1, 7, 2500, 4999, 5000]) {
      const [a, b] = [bytes.subarray(0, cut), bytes.subarray(cut)];
      assert.equal(combineCrc(crcOf(a), crcOf(b), b.length), crcOf(bytes), `cut ${cut}`);
    }
  });
  test('combineCrc takes sizes above 2^32', () => {
    // Appending zeroes in two steps or in one is the same.
    const crc = crcOf(someBytes(100));
    const zeroes = (size) => combineCrc(crc, 0, size);
    assert.equal(combineCrc(zeroes(2 ** 33), 0, 5), zeroes(2 ** 33 + 5));
    assert.equal(combineCrc(crc, 0, 0), crc);
  });

  const entries = [
    { name: 'm/saved_model.pb', bytes: someBytes(100_000) },
    { name: 'm/empty', bytes: new Uint8Array(0) },
    { name: 'm/assets/größe 你好.txt', bytes: someBytes(10) },
  ];
  test('opens in Python, unzip and Perl', () => {
    const file = path.join(temporaryFolder(), 'a.zip');
    makeZip(file, entries);
    const seen = JSON.parse(run('python3', ['-c', PYTHON, file, 'yes']));
    assert.deepEqual(seen, entries.map(({ name, bytes }) =>
      [name, bytes.length, crcOf(bytes), 0, 0x800, 0o100644, [1980, 1, 1, 0, 0, 0]]));
    assert.match(run('unzip', ['-t', file]), /No errors detected/);
    assert.deepEqual(run('perl', ['-e', PERL, file]).trim().split('\n'), entries.map(({ name, bytes }) => `${name} ${bytes.length}`));
  });
  test('small zips have no Zip64 fields', () => {
    const layout = zipLayout(entries.map(({ name, bytes }) => ({ name, size: bytes.length })));
    const bytes = Buffer.concat([localHeader(layout.entries[0], 1), ...zipDirectory(layout, [1, 2, 3])]);
    assert.equal(bytes.indexOf(Buffer.from('PK\x06\x06')), -1);
    assert.equal(bytes.readUInt16LE(4), 20);
  });

  test('Zip64: an entry above 4 GiB, one behind it, and the end record', () => {
    const file = path.join(temporaryFolder(), 'big.zip');
    const small = someBytes(1000);
    const layout = zipLayout([{ name: 'm/big', size: 2 ** 32 + 10 }, { name: 'm/small', size: small.length }]);
    const crcs = [combineCrc(0, 0, 0), crcOf(small)];
    const fd = openSync(file, 'w');
    writeSync(fd, localHeader(layout.entries[0], crcs[0]), 0, undefined, layout.entries[0].header);
    writeSync(fd, localHeader(layout.entries[1], crcs[1]), 0, undefined, layout.entries[1].header);
    writeSync(fd, small, 0, undefined, layout.entries[1].data);
    let at = layout.directory;
    for (const bytes of zipDirectory(layout, crcs)) at += writeSync(fd, bytes, 0, undefined, at);
    assert.equal(at, layout.size);
    ftruncateSync(fd, layout.size);
    closeSync(fd);
    const seen = JSON.parse(run('python3', ['-c', PYTHON, file, 'no']));
    assert.deepEqual(seen.map(([name, size]) => [name, size]), [['m/big', 2 ** 32 + 10], ['m/small', 1000]]);
    const read = `import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read('m/small'))`;
    assert.equal(Buffer.compare(spawnSync('python3', ['-c', read, file]).stdout, Buffer.from(small)), 0);
    assert.match(run('unzip', ['-v', file]), /4294967306/);
    assert.match(run('unzip', ['-t', file, 'm/small']), /No errors detected/);
  });
  test('Zip64: more than 65,535 entries', () => {
    const file = path.join(temporaryFolder(), 'many.zip');
    makeZip(file, Array.from({ length: 65_536 }, (_, k) => ({ name: `m/${k}`, bytes: new Uint8Array(0) })));
    assert.equal(JSON.parse(run('python3', ['-c', PYTHON, file, 'no'])).length, 65_536);
  });
});
