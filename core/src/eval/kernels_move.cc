// Elements rearranged by strides alone: transposes, slices, tiles, splits, blocks.
#include <algorithm>

#include "elementwise.h"
#include "kernel_util.h"
#include "whittle/math.h"

namespace whittle::eval {
namespace {

Result<Tensors> transposed(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(Dims perm, int_vector(call.in[1], "perm"));
  const size_t rank = dims_of(x).size();
  if (perm.size() != rank) {
    return invalid_argument(cat("perm has ", perm.size(), " entries for rank ", rank));
  }
  std::vector<bool> seen(rank, false);
  const Dims strides = row_major_strides(dims_of(x));
  View view;
  for (int64_t p : perm) {
    WHITTLE_ASSIGN(const int axis, axis_in(p, rank_of(x), "perm"));
    if (seen[static_cast<size_t>(axis)]) return invalid_argument("perm is no permutation");
    seen[static_cast<size_t>(axis)] = true;
    view.dims.push_back(dims_of(x)[static_cast<size_t>(axis)]);
    view.strides.push_back(strides[static_cast<size_t>(axis)]);
  }
  Dims out_dims = view.dims;
  WHITTLE_ASSIGN(Tensor t, materialize(x, std::move(view), std::move(out_dims), call.ctx));
  return one(std::move(t));
}

Result<Tensors> transposed_real(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  if (kComplex.has(call.in[0].dtype())) return no_kernel("ConjugateTranspose of complex numbers");
  return transposed(call);
}

Result<Tensors> broadcast_to(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(Dims dims, shape_input(call.in[1], "shape"));
  WHITTLE_ASSIGN(Dims strides, broadcast_strides(dims_of(x), dims));
  WHITTLE_ASSIGN(Tensor t, materialize(x, {dims, std::move(strides), 0}, dims, call.ctx));
  return one(std::move(t));
}

// [d0, d1] tiled by [m0, m1] is the view [m0, d0, m1, d1] with strides [0, s0, 0, s1].
Result<Tensors> tile(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const Dims multiples, int_vector(call.in[1], "multiples"));
  if (multiples.size() != dims_of(x).size()) {
    return invalid_argument(
        cat(multiples.size(), " multiples for rank ", dims_of(x).size()));
  }
  const Dims strides = row_major_strides(dims_of(x));
  View view;
  Dims dims;
  for (size_t i = 0; i < multiples.size(); ++i) {
    const int64_t d = dims_of(x)[i];
    if (multiples[i] < 0) return invalid_argument("multiples must not be negative");
    int64_t size = 0;
    if (__builtin_mul_overflow(multiples[i], d, &size)) return over_limit("tile is too large");
    dims.push_back(size);
    view.dims.insert(view.dims.end(), {multiples[i], d});
    view.strides.insert(view.strides.end(), {0, strides[i]});
  }
  WHITTLE_ASSIGN(Tensor t, materialize(x, std::move(view), std::move(dims), call.ctx));
  return one(std::move(t));
}

Result<Tensors> slice(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const Dims begin, int_vector(call.in[1], "begin"));
  WHITTLE_ASSIGN(Dims size, int_vector(call.in[2], "size"));
  const size_t rank = dims_of(x).size();
  if (begin.size() != rank || size.size() != rank) {
    return invalid_argument(cat("begin and size need ", rank, " entries"));
  }
  View view{{}, row_major_strides(dims_of(x)), 0};
  for (size_t i = 0; i < rank; ++i) {
    const int64_t d = dims_of(x)[i];
    if (begin[i] < 0 || begin[i] > d) {
      return invalid_argument(cat("begin ", begin[i], " is outside of dimension ", d));
    }
    if (size[i] == -1) size[i] = d - begin[i];
    if (size[i] < 0 || size[i] > d - begin[i]) {
      return invalid_argument(cat("size ", size[i], " is outside of dimension ", d));
    }
    view.offset += begin[i] * view.strides[i];
  }
  view.dims = size;
  WHITTLE_ASSIGN(Tensor t, materialize(x, std::move(view), std::move(size), call.ctx));
  return one(std::move(t));
}

Result<Tensors> reverse_axes(KernelCall& call, const std::vector<bool>& flip) {
  const Tensor& x = call.in[0];
  View view{dims_of(x), row_major_strides(dims_of(x)), 0};
  for (size_t i = 0; i < flip.size(); ++i) {
    if (!flip[i] || dims_of(x)[i] == 0) continue;
    view.offset += (dims_of(x)[i] - 1) * view.strides[i];
    view.strides[i] = -view.strides[i];
  }
  WHITTLE_ASSIGN(Tensor t, materialize(x, std::move(view), dims_of(x), call.ctx));
  return one(std::move(t));
}

Result<Tensors> reverse_v2(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_ASSIGN(const Dims axes, int_vector(call.in[1], "axis"));
  std::vector<bool> flip(dims_of(call.in[0]).size(), false);
  for (int64_t axis : axes) {
    WHITTLE_ASSIGN(const int a, axis_in(axis, rank_of(call.in[0]), "axis"));
    if (flip[static_cast<size_t>(a)]) return invalid_argument("an axis is named twice");
    flip[static_cast<size_t>(a)] = true;
  }
  return reverse_axes(call, flip);
}

Result<Tensors> reverse(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  WHITTLE_CHECK(need_dtype(call.in[1], DType::kBool, "dims"));
  if (call.in[1].elements() != dims_of(call.in[0]).size()) {
    return invalid_argument("dims needs one bool an axis");
  }
  std::vector<bool> flip;
  for (uint8_t b : call.in[1].bytes()) flip.push_back(b != 0);
  return reverse_axes(call, flip);
}

Result<Tensors> roll(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const Dims shifts, int_vector(call.in[1], "shift"));
  WHITTLE_ASSIGN(const Dims axes, int_vector(call.in[2], "axis"));
  if (shifts.size() != axes.size()) return invalid_argument("shift and axis differ in length");
  const size_t rank = dims_of(x).size();
  if (rank == 0) return invalid_argument("Roll takes no scalar");
  Dims total(rank, 0);
  for (size_t i = 0; i < axes.size(); ++i) {
    WHITTLE_ASSIGN(const int a, axis_in(axes[i], rank_of(x), "axis"));
    const int64_t d = std::max<int64_t>(dims_of(x)[static_cast<size_t>(a)], 1);
    int64_t& sum = total[static_cast<size_t>(a)];
    sum = ((sum + shifts[i] % d) % d + d) % d;
  }
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), dims_of(x), call.ctx));
  const uint64_t inner = static_cast<uint64_t>(dims_of(x)[rank - 1]);
  const uint64_t cut = inner == 0 ? 0 : inner - static_cast<uint64_t>(total[rank - 1]);
  const Dims strides = row_major_strides(dims_of(x));
  Dims index(rank, 0);
  for (uint64_t at = 0; at < out.elements(); at += inner) {
    int64_t to = 0;
    for (size_t i = 0; i + 1 < rank; ++i) {
      to += (index[i] + total[i]) % dims_of(x)[i] * strides[i];
    }
    out.copy(static_cast<uint64_t>(to), x, at + cut, inner - cut);
    out.copy(static_cast<uint64_t>(to) + (inner - cut), x, at, cut);
    for (size_t i = rank - 1; i-- > 0;) {
      if (++index[i] < dims_of(x)[i]) break;
      index[i] = 0;
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

// Pieces of `sizes` along one axis.
Result<Tensors> split_along(const Tensor& x, int axis, const Dims& sizes, Context& ctx) {
  Tensors out;
  const Dims strides = row_major_strides(dims_of(x));
  int64_t start = 0;
  for (int64_t size : sizes) {
    View view{dims_of(x), strides, start * strides[static_cast<size_t>(axis)]};
    view.dims[static_cast<size_t>(axis)] = size;
    Dims dims = view.dims;
    WHITTLE_ASSIGN(Tensor t, materialize(x, std::move(view), std::move(dims), ctx));
    out.push_back(std::move(t));
    start += size;
  }
  return out;
}

constexpr int64_t kMaxPieces = 1 << 20;

Result<Tensors> split(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 2));
  const Tensor& x = call.in[1];
  WHITTLE_ASSIGN(const int64_t at, scalar_int(call.in[0], "split_dim"));
  WHITTLE_ASSIGN(const int axis, axis_in(at, rank_of(x), "split_dim"));
  const int64_t count = call.node.attrs.int_or("num_split", 0);
  const int64_t d = dims_of(x)[static_cast<size_t>(axis)];
  if (count < 1 || count > kMaxPieces || d % count != 0) {
    return invalid_argument(cat("dimension ", d, " cannot be split in ", count, " pieces"));
  }
  return split_along(x, axis, Dims(static_cast<size_t>(count), d / count), call.ctx);
}

Result<Tensors> split_v(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 3));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(Dims sizes, int_vector(call.in[1], "size_splits"));
  WHITTLE_ASSIGN(const int64_t at, scalar_int(call.in[2], "split_dim"));
  WHITTLE_ASSIGN(const int axis, axis_in(at, rank_of(x), "split_dim"));
  const int64_t d = dims_of(x)[static_cast<size_t>(axis)];
  int64_t sum = 0, unknown = -1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == -1 && unknown < 0) {
      unknown = static_cast<int64_t>(i);
    } else if (sizes[i] < 0 || sizes[i] > d || (sum += sizes[i]) > d) {
      return invalid_argument("size_splits do not fit the dimension");
    }
  }
  if (unknown >= 0) sizes[static_cast<size_t>(unknown)] = d - sum;
  if (unknown < 0 && sum != d) return invalid_argument("size_splits do not add up");
  const int64_t count = static_cast<int64_t>(sizes.size());
  if (count != call.node.attrs.int_or("num_split", count)) {
    return invalid_argument("num_split is not the number of sizes");
  }
  return split_along(x, axis, sizes, call.ctx);
}

Result<Tensors> unpack(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(const int axis,
                 axis_in(call.node.attrs.int_or("axis", 0), rank_of(x), "axis"));
  const int64_t d = dims_of(x)[static_cast<size_t>(axis)];
  if (d != call.node.attrs.int_or("num", -1) || d > kMaxPieces) {
    return invalid_argument(cat("dimension ", d, " cannot be unpacked"));
  }
  WHITTLE_ASSIGN(Tensors pieces, split_along(x, axis, Dims(static_cast<size_t>(d), 1), call.ctx));
  Dims dims = dims_of(x);
  dims.erase(dims.begin() + axis);
  for (Tensor& t : pieces) t = t.reshaped(Shape(dims));
  return pieces;
}

// [b, h*s, w*s, c] <-> [b, h, w, s*s*c]; NCHW puts c first.
template <bool kToDepth>
Result<Tensors> space_depth(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 1));
  const Tensor& x = call.in[0];
  WHITTLE_CHECK(need_rank(x, 4, "input"));
  const int64_t s = call.node.attrs.int_or("block_size", 0);
  if (s < 1 || s > 32768) return invalid_argument("block_size must lie in 1..32768");
  const std::string_view format = call.node.attrs.string_or("data_format", "NHWC");
  if (format != "NHWC" && format != "NCHW") return no_kernel("data_format other than NHWC and NCHW");
  const bool first = format == "NCHW";
  const Dims& d = dims_of(x);
  const int64_t b = d[0], h = d[first ? 2 : 1], w = d[first ? 3 : 2], c = d[first ? 1 : 3];
  if (kToDepth ? h % s != 0 || w % s != 0 : c % s != 0 || (c / s) % s != 0) {
    return invalid_argument(cat("shape ", dims_text(d), " does not fit block_size ", s));
  }
  View view;
  Dims dims;
  const Dims st = row_major_strides(d);
  const int64_t sh = st[first ? 2 : 1], sw = st[first ? 3 : 2], sc = st[first ? 1 : 3];
  if (kToDepth) {
    const Dims block_dims{s, s, c}, block_strides{sh, sw, sc};
    const Dims space_dims{h / s, w / s}, space_strides{sh * s, sw * s};
    const auto join = [&](const Dims& p, const Dims& q, const Dims& ps, const Dims& qs) {
      view.dims = {b};
      view.strides = {st[0]};
      view.dims.insert(view.dims.end(), p.begin(), p.end());
      view.dims.insert(view.dims.end(), q.begin(), q.end());
      view.strides.insert(view.strides.end(), ps.begin(), ps.end());
      view.strides.insert(view.strides.end(), qs.begin(), qs.end());
    };
    if (first) {
      join(block_dims, space_dims, block_strides, space_strides);
      dims = {b, s * s * c, h / s, w / s};
    } else {
      join(space_dims, block_dims, space_strides, block_strides);
      dims = {b, h / s, w / s, s * s * c};
    }
  } else {
    const int64_t depth = c / (s * s);
    // Channel index = (by * s + bx) * depth + k.
    if (first) {
      view = {{b, depth, h, s, w, s}, {st[0], sc, sh, s * depth * sc, sw, depth * sc}, 0};
      dims = {b, depth, h * s, w * s};
    } else {
      view = {{b, h, s, w, s, depth}, {st[0], sh, s * depth * sc, sw, depth * sc, sc}, 0};
      dims = {b, h * s, w * s, depth};
    }
  }
  WHITTLE_ASSIGN(Tensor t, materialize(x, std::move(view), std::move(dims), call.ctx));
  return one(std::move(t));
}

constexpr KernelInfo row(std::string_view op, Result<Tensors> (*run)(KernelCall&),
                         std::string_view attrs = "") {
  return {.op = op, .dtypes = kMovable, .attrs = attrs, .cost = Cost::kMove, .run = run};
}

// The conjugate of a real number is itself; complex inputs are left out.
constexpr KernelInfo kConjugate{.op = "ConjugateTranspose",
                                .dtypes = kReals | kBoolOnly | kStringOnly,
                                .attrs = "",
                                .cost = Cost::kMove,
                                .run = transposed_real};

constexpr KernelInfo kRows[] = {
    kConjugate,
    row("BroadcastTo", broadcast_to),
    row("DepthToSpace", space_depth<false>, "block_size,data_format"),
    row("Reverse", reverse),
    row("ReverseV2", reverse_v2),
    row("Roll", roll),
    row("Slice", slice),
    row("SpaceToDepth", space_depth<true>, "block_size,data_format"),
    row("Split", split, "num_split"),
    row("SplitV", split_v, "num_split"),
    row("Tile", tile),
    row("Transpose", transposed),
    row("Unpack", unpack, "axis,num"),
};

}  // namespace

Rows move_kernels() { return kRows; }

}  // namespace whittle::eval
