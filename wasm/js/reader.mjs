// Pieces of the model's files, read into the window of the module and handed on in order.
//
// A piece is [file, offset, length, stride, count]: `count` runs of `length` bytes, `stride` bytes apart. Short runs
// that lie close together are read as one span and picked apart, since a read call costs more than the gap.

const SPAN_BYTES = 1 << 20;
const LONG_RUN = 256 << 10;

let scratch = null;  // one span, recycled

// Calls push(n) whenever the window holds n bytes; awaits what it returns.
//
// source.open(file, offset, length) gives a range read front to back: fill(view, n) where view(at, n) makes a fresh
// view of the destination (heap views go stale), and close(). source.gap: the largest gap worth reading over.
export async function readPieces(core, source, pieces, push) {
  const { pointer, size } = core.window;
  let filled = 0;
  const room = async () => {
    if (filled === size) {
      await push(filled);
      filled = 0;
    }
    return size - filled;
  };

  const contiguous = async (file, offset, length) => {
    const range = source.open(file, offset, length);
    try {
      for (let left = length; left > 0;) {
        const n = Math.min(left, await room());
        const base = pointer + filled;
        await range.fill((at, count) => core.view(base + at, count), n);
        filled += n;
        left -= n;
      }
    } finally {
      range.close();
    }
  };

  const spans = async (file, offset, length, stride, count) => {
    scratch ??= new Uint8Array(SPAN_BYTES);
    const runsPerSpan = 1 + Math.floor((SPAN_BYTES - length) / stride);
    for (let run = 0; run < count; run += runsPerSpan) {
      const runs = Math.min(runsPerSpan, count - run);
      const range = source.open(file, offset + run * stride, (runs - 1) * stride + length);
      try {
        await range.fill((at, n) => scratch.subarray(at, at + n), (runs - 1) * stride + length);
      } finally {
        range.close();
      }
      for (let k = 0; k < runs; ++k) {
        for (let done = 0; done < length;) {
          const n = Math.min(length - done, await room());
          core.view(pointer + filled, n).set(scratch.subarray(k * stride + done, k * stride + done + n));
          filled += n;
          done += n;
        }
      }
    }
  };

  for (const [file, offset, length, stride, count] of pieces) {
    if (length === 0 || count === 0) continue;
    if (count === 1 || stride === length) await contiguous(file, offset, length * count);
    else if (length < LONG_RUN && stride > length && stride - length <= source.gap) {
      await spans(file, offset, length, stride, count);
    } else {
      for (let run = 0; run < count; ++run) await contiguous(file, offset + run * stride, length);
    }
  }
  if (filled > 0) await push(filled);
}
