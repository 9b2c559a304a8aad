// StridedSlice with all its masks, and the ops that write through such a slice.
#include <algorithm>

#include "kernel_util.h"

namespace whittle::eval {
namespace {

// One entry per dimension of the input, after the ellipsis is spread out.
struct Dense {
  Dims begin, end, stride;
  std::vector<bool> begin_mask, end_mask, shrink;
  std::vector<int64_t> result;  // input dimension, or kNew, per dimension of the result
};
constexpr int64_t kNew = -1;

// The window into a tensor of shape `dims`, and the shape it has after axes were added or dropped.
struct Window {
  View view;
  Dims dims;
};

Result<Dense> spread(const Node& node, const Dims& begin, const Dims& end, const Dims& stride,
                     size_t rank) {
  const auto mask = [&](std::string_view name) {
    return static_cast<uint64_t>(node.attrs.int_or(name, 0));
  };
  const uint64_t begin_mask = mask("begin_mask"), end_mask = mask("end_mask"),
                 new_axis = mask("new_axis_mask"), shrink = mask("shrink_axis_mask");
  uint64_t ellipsis = mask("ellipsis_mask");
  size_t count = begin.size();
  if (count > 32) return invalid_argument("StridedSlice takes at most 32 indices");
  if (ellipsis & (ellipsis - 1)) return invalid_argument("StridedSlice with several ellipses");
  const auto bit = [](uint64_t m, size_t i) { return (m >> i & 1) != 0; };

  // New axes behind the ellipsis take no dimension of the input.
  size_t new_behind = 0;
  bool seen = false;
  for (size_t i = 0; i < count; ++i) {
    if (seen && bit(new_axis, i)) ++new_behind;
    if (bit(ellipsis, i)) seen = true;
  }
  if (!seen) {
    ellipsis = uint64_t{1} << count;
    ++count;
  }

  Dense d;
  for (size_t i = 0; i < count; ++i) {
    if (bit(ellipsis, i)) {
      const size_t after = count - i;  // entries from here on, this one included
      const size_t next = std::min(rank + 1 + new_behind >= after ? rank + 1 + new_behind - after : 0,
                                   rank);
      while (d.begin.size() < next) {
        d.result.push_back(static_cast<int64_t>(d.begin.size()));
        d.begin.push_back(0);
        d.end.push_back(0);
        d.stride.push_back(1);
        d.begin_mask.push_back(true);
        d.end_mask.push_back(true);
        d.shrink.push_back(false);
      }
    } else if (bit(new_axis, i)) {
      d.result.push_back(kNew);
    } else {
      if (d.begin.size() == rank) {
        return invalid_argument(cat("StridedSlice has more indices than the rank ", rank));
      }
      if (!bit(shrink, i)) d.result.push_back(static_cast<int64_t>(d.begin.size()));
      d.begin.push_back(begin[i]);
      d.end.push_back(end[i]);
      d.stride.push_back(stride[i]);
      d.begin_mask.push_back(bit(begin_mask, i));
      d.end_mask.push_back(bit(end_mask, i));
      d.shrink.push_back(bit(shrink, i));
    }
  }
  return d;
}

Result<Window> resolve(const Node& node, const Dims& dims, const Tensor& begin_input,
                       const Tensor& end_input, const Tensor& stride_input) {
  WHITTLE_ASSIGN(const Dims begin, int_vector(begin_input, "begin"));
  WHITTLE_ASSIGN(const Dims end, int_vector(end_input, "end"));
  WHITTLE_ASSIGN(const Dims stride, int_vector(stride_input, "strides"));
  if (begin.size() != end.size() || begin.size() != stride.size()) {
    return invalid_argument("begin, end and strides differ in length");
  }
  WHITTLE_ASSIGN(const Dense d, spread(node, begin, end, stride, dims.size()));

  Window w;
  w.view.strides = row_major_strides(dims);
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t size = dims[i], step = d.stride[i];
    if (step == 0) return invalid_argument(cat("strides[", i, "] must not be zero"));
    int64_t from = 0, count = 0;
    if (d.shrink[i]) {
      if (step < 0) return invalid_argument("only stride 1 is allowed for a single index");
      from = d.begin[i] < 0 ? d.begin[i] + size : d.begin[i];
      if (from < 0 || from >= size) {
        return invalid_argument(cat("index ", d.begin[i], " is outside of dimension ", size));
      }
      count = 1;
    } else {
      const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
      const auto place = [&](int64_t v) {
        return std::clamp(v < 0 ? std::max(v, -size - 1) + size : v, low, std::max(low, high));
      };
      from = d.begin_mask[i] ? (step > 0 ? low : high) : place(d.begin[i]);
      const int64_t to = d.end_mask[i] ? (step > 0 ? high : low) : place(d.end[i]);
      const uint64_t stretch = static_cast<uint64_t>(step > 0 ? to - from : from - to);
      const uint64_t pace = step > 0 ? static_cast<uint64_t>(step)
                                     : uint64_t{0} - static_cast<uint64_t>(step);
      if (step > 0 ? to > from : from > to) {
        count = static_cast<int64_t>((stretch - 1) / pace + 1);
      }
    }
    w.view.dims.push_back(count);
    if (count > 0) w.view.offset += from * w.view.strides[i];
    // A stride only matters when it is taken at least once; then it is smaller than the dimension.
    w.view.strides[i] = count > 1 ? w.view.strides[i] * step : 0;
  }
  for (int64_t r : d.result) {
    w.dims.push_back(r == kNew ? 1 : w.view.dims[static_cast<size_t>(r)]);
  }
  return w;
}

Result<Tensors> strided_slice(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 4));
  const Tensor& x = call.in[0];
  WHITTLE_ASSIGN(Window w, resolve(call.node, dims_of(x), call.in[1], call.in[2], call.in[3]));
  WHITTLE_ASSIGN(Tensor t, materialize(x, std::move(w.view), std::move(w.dims), call.ctx));
  return one(std::move(t));
}

Result<Tensors> strided_slice_update(KernelCall& call) {
  WHITTLE_CHECK(need_inputs(call, 5));
  const Tensor &x = call.in[0], &value = call.in[4];
  WHITTLE_CHECK(need_same_dtype(x, value));
  WHITTLE_ASSIGN(Window w, resolve(call.node, dims_of(x), call.in[1], call.in[2], call.in[3]));
  if (dims_of(value) != w.dims && value.elements() != 1) {
    return invalid_argument(cat("value of shape ", dims_text(dims_of(value)),
                                " does not fit the slice ", dims_text(w.dims)));
  }
  WHITTLE_ASSIGN(Mover out, Mover::make(x.dtype(), dims_of(x), call.ctx));
  out.copy(0, x, 0, x.elements());
  WHITTLE_ASSIGN(const uint64_t count, element_count(w.view.dims));
  Dims index(w.view.dims.size(), 0);
  int64_t at = w.view.offset;
  for (uint64_t done = 0; done < count; ++done) {
    out.copy(static_cast<uint64_t>(at), value, value.elements() == 1 ? 0 : done, 1);
    for (size_t i = index.size(); i-- > 0;) {
      at += w.view.strides[i];
      if (++index[i] < w.view.dims[i]) break;
      at -= w.view.strides[i] * w.view.dims[i];
      index[i] = 0;
    }
  }
  WHITTLE_ASSIGN(Tensor t, out.take());
  return one(std::move(t));
}

constexpr std::string_view kMasks =
    "begin_mask,end_mask,ellipsis_mask,new_axis_mask,shrink_axis_mask";
constexpr KernelInfo kRows[] = {
    {.op = "StridedSlice", .dtypes = kMovable, .attrs = kMasks, .cost = Cost::kMove,
     .run = strided_slice},
    {.op = "TensorStridedSliceUpdate", .dtypes = kMovable, .attrs = kMasks, .cost = Cost::kMove,
     .run = strided_slice_update},
};

}  // namespace

Rows slice_kernels() { return kRows; }

}  // namespace whittle::eval
