// SpaceToBatch and BatchToSpace: dilated convolutions in older graphs.
//
//   [b, d1*s1, d2*s2, rest]  <->  [s1*s2*b, d1, d2, rest]    after padding / before cropping
#include "families.h"

namespace whittle::eval {
namespace {

struct Blocks {
  Dims block, before, after;
};

Result<Blocks> blocks_of(const Tensor& block, const Tensor& edges, int rank) {
  Blocks b;
  WHITTLE_ASSIGN(b.block, int_vector(block, "block_shape"));
  WHITTLE_ASSIGN(const Dims flat, int_vector(edges, "paddings or crops"));
  if (rank_of(block) != 1 || flat.size() != 2 * b.block.size() || rank_of(edges) != 2) {
    return invalid_argument("block_shape and paddings do not fit each other");
  }
  if (static_cast<int>(b.block.size()) + 1 > rank) return invalid_argument("too many blocks");
  for (size_t i = 0; i < b.block.size(); ++i) {
    if (b.block[i] < 1 || b.block[i] > 32768 || flat[2 * i] < 0 || flat[2 * i + 1] < 0 ||
        flat[2 * i] > INT32_MAX || flat[2 * i + 1] > INT32_MAX) {
      return invalid_argument("block sizes must be positive, paddings not negative");
    }
    b.before.push_back(flat[2 * i]);
    b.after.push_back(flat[2 * i + 1]);
  }
  return b;
}

// Walks the space positions of the batched side and moves rows of `inner` elements between it and
// the plain side.
Result<Tensor> move_blocks(const Tensor& x, const Blocks& b, bool to_batch, Context& ctx) {
  const Dims& in = dims_of(x);
  const size_t m = b.block.size();
  uint64_t spread = 1;
  for (int64_t s : b.block) {
    spread *= static_cast<uint64_t>(s);
    if (spread > uint64_t{1} << 40) return over_limit("blocks are too large");
  }
  Dims out = in, plain(m), small(m);  // spatial sizes without and with blocks
  if (to_batch) {
    for (size_t i = 0; i < m; ++i) {
      plain[i] = in[i + 1];
      const int64_t padded = in[i + 1] + b.before[i] + b.after[i];
      if (padded % b.block[i] != 0) {
        return invalid_argument(cat("padded size ", padded, " is no multiple of ", b.block[i]));
      }
      out[i + 1] = small[i] = padded / b.block[i];
    }
    out[0] = in[0] * static_cast<int64_t>(spread);
  } else {
    if (in[0] % static_cast<int64_t>(spread) != 0) {
      return invalid_argument(cat("batch ", in[0], " is no multiple of ", spread));
    }
    out[0] = in[0] / static_cast<int64_t>(spread);
    for (size_t i = 0; i < m; ++i) {
      small[i] = in[i + 1];
      out[i + 1] = plain[i] = in[i + 1] * b.block[i] - b.before[i] - b.after[i];
      if (out[i + 1] < 0) return invalid_argument("crops are larger than the image");
    }
  }
  const int64_t batch = to_batch ? in[0] : out[0];
  const uint64_t inner = product(in, m + 1, in.size());
  WHITTLE_ASSIGN(Mover to, Mover::make(x.dtype(), std::move(out), ctx));
  if (inner == 0 || batch == 0 || x.elements() == 0) return to.take();
  const uint64_t positions = product(small, 0, m);
  uint64_t batched_at = 0;
  Dims offset(m, 0);  // place within the block, the slow part of the batch index
  for (uint64_t block = 0; block < spread; ++block) {
    WHITTLE_CHECK(ctx.check_cancelled());
    for (int64_t n = 0; n < batch; ++n) {
      Dims index(m, 0);
      for (uint64_t p = 0; p < positions; ++p, ++batched_at) {
        uint64_t at = static_cast<uint64_t>(n);
        bool inside = true;
        for (size_t i = 0; i < m; ++i) {
          const int64_t k = index[i] * b.block[i] + offset[i] - b.before[i];
          inside = inside && k >= 0 && k < plain[i];
          at = at * static_cast<uint64_t>(plain[i]) + static_cast<uint64_t>(inside ? k : 0);
        }
        if (inside) {
          if (to_batch) to.copy(batched_at * inner, x, at * inner, inner);
          else to.copy(at * inner, x, batched_at * inner, inner);
        }
        for (size_t i = m; i-- > 0;) {
          if (++index[i] < small[i]) break;
          index[i] = 0;
        }
      }
    }
    for (size_t i = m; i-- > 0;) {
      if (++offset[i] < b.block[i]) break;
      offset[i] = 0;
    }
  }
  return to.take();
}

template <bool kToBatch>
Result<Tensors> blocks_nd(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  WHITTLE_ASSIGN(const Blocks b, blocks_of(call.in[1], call.in[2], rank_of(call.in[0])));
  WHITTLE_ASSIGN(Tensor t, move_blocks(call.in[0], b, kToBatch, call.ctx));
  return one(std::move(t));
}

// The older ops: two spatial dimensions, one block size.
template <bool kToBatch>
Result<Tensors> blocks_2d(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_rank(call.in[0], 4, "input"));
  const int64_t size = call.node.attrs.int_or("block_size", 0);
  WHITTLE_ASSIGN(const Tensor block, int_tensor(DType::kInt64, {2}, {size, size}, call.ctx));
  WHITTLE_ASSIGN(const Blocks b, blocks_of(block, call.in[1], 4));
  WHITTLE_ASSIGN(Tensor t, move_blocks(call.in[0], b, kToBatch, call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "") {
  return {.op = op, .dtypes = kMovable, .attrs = attrs, .cost = Cost::kMove, .run = run};
}

constexpr KernelInfo kRows[] = {
    row("BatchToSpace", blocks_2d<false>, "block_size"),
    row("BatchToSpaceND", blocks_nd<false>),
    row("SpaceToBatch", blocks_2d<true>, "block_size"),
    row("SpaceToBatchND", blocks_nd<true>),
};

}  // namespace

Rows block_kernels() { return kRows; }

}  // namespace whittle::eval
