#include "kernel_util.h"

#include <algorithm>

#include "lanes.h"
#include "whittle/math.h"

namespace whittle::eval {

const std::vector<int64_t>& ints_attr(const Node& node, std::string_view name) {
  static const std::vector<int64_t> none;
  const AttrValue* v = node.attrs.find(name);
  return v != nullptr && v->kind() == AttrValue::Kind::kList ? v->list().ints : none;
}

const std::vector<DType>& types_attr(const Node& node, std::string_view name) {
  static const std::vector<DType> none;
  const AttrValue* v = node.attrs.find(name);
  return v != nullptr && v->kind() == AttrValue::Kind::kList ? v->list().types : none;
}

Error no_kernel(std::string what) { return unsupported(std::move(what)); }

Status need_inputs(const KernelCall& call, size_t count) {
  if (call.in.size() != count) {
    return invalid_argument(
        cat(call.node.op, " takes ", count, " inputs, ", call.in.size(), " are given"));
  }
  return {};
}

Status need_at_least(const KernelCall& call, size_t count) {
  if (call.in.size() < count) {
    return invalid_argument(
        cat(call.node.op, " takes at least ", count, " inputs, ", call.in.size(), " are given"));
  }
  return {};
}

Status need_dtype(const Tensor& t, DType dtype, std::string_view what) {
  if (t.dtype() != dtype) {
    return invalid_argument(
        cat(what, " must be ", dtype_name(dtype), ", not ", dtype_name(t.dtype())));
  }
  return {};
}

Status need_same_dtype(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype()) {
    return invalid_argument(
        cat("inputs of different dtypes: ", dtype_name(a.dtype()), " and ", dtype_name(b.dtype())));
  }
  return {};
}

Status need_rank(const Tensor& t, int rank, std::string_view what) {
  if (rank_of(t) != rank) {
    return invalid_argument(cat(what, " must have rank ", rank, ", not ", rank_of(t)));
  }
  return {};
}

Result<uint64_t> element_count(const Dims& dims) {
  if (dims.size() > static_cast<size_t>(kMaxRank)) {
    return invalid_argument(cat("rank ", dims.size(), " is above ", kMaxRank));
  }
  uint64_t n = 1;
  bool empty = false;
  for (int64_t d : dims) {
    if (d < 0) return invalid_argument(cat("negative dimension in ", dims_text(dims)));
    if (d == 0) empty = true;
  }
  if (empty) return uint64_t{0};
  for (int64_t d : dims) {
    if (mul_overflows(n, static_cast<uint64_t>(d), &n) || n > uint64_t{1} << 62) {
      return over_limit(cat("too many elements in ", dims_text(dims)));
    }
  }
  return n;
}

Status within_budget(uint64_t bytes, const Context& ctx) {
  if (bytes > ctx.memory_budget()) {
    return over_limit(cat("a result of ", human_bytes(bytes), " is above the memory budget of ",
                          human_bytes(ctx.memory_budget())));
  }
  return {};
}

Result<Tensor> make_tensor(DType dtype, Dims dims, Context& ctx) {
  const uint32_t width = byte_width(dtype);
  if (width == 0) return no_kernel(cat("no tensor of dtype ", dtype_name(dtype), " here"));
  WHITTLE_ASSIGN(const uint64_t n, element_count(dims));
  uint64_t bytes = 0;
  if (mul_overflows(n, width, &bytes)) return over_limit("size overflow");
  WHITTLE_CHECK(within_budget(bytes, ctx));
  return Tensor::make(dtype, Shape(std::move(dims)));
}

Result<Tensor> make_or_reuse(DType dtype, const Dims& dims, Tensor& reuse, Context& ctx) {
  if (reuse.dtype() == dtype && !reuse.is_string() && reuse.buffer() != nullptr &&
      reuse.buffer().use_count() == 1) {
    WHITTLE_ASSIGN(const uint64_t n, element_count(dims));
    if (n == reuse.elements()) return Tensor(dtype, Shape(dims), reuse.buffer());
  }
  return make_tensor(dtype, dims, ctx);
}

Result<std::vector<std::string>> make_strings(uint64_t count, Context& ctx) {
  uint64_t bytes = 0;
  if (mul_overflows(count, sizeof(std::string), &bytes)) return over_limit("size overflow");
  WHITTLE_CHECK(within_budget(bytes, ctx));
  return std::vector<std::string>(static_cast<size_t>(count));
}

Result<int64_t> scalar_int(const Tensor& t, std::string_view what) {
  if (t.elements() != 1) return invalid_argument(cat(what, " must be a single integer"));
  switch (t.dtype()) {
    case DType::kInt32: return static_cast<int64_t>(t.values<int32_t>()[0]);
    case DType::kInt64: return t.values<int64_t>()[0];
    case DType::kInt16: return static_cast<int64_t>(t.values<int16_t>()[0]);
    case DType::kInt8: return static_cast<int64_t>(t.values<int8_t>()[0]);
    case DType::kUint8: return static_cast<int64_t>(t.values<uint8_t>()[0]);
    case DType::kUint16: return static_cast<int64_t>(t.values<uint16_t>()[0]);
    case DType::kUint32: return static_cast<int64_t>(t.values<uint32_t>()[0]);
    default: return invalid_argument(cat(what, " must be an integer"));
  }
}

Result<double> scalar_real(const Tensor& t, std::string_view what) {
  if (t.elements() != 1) return invalid_argument(cat(what, " must be a single number"));
  switch (t.dtype()) {
    case DType::kFloat: return static_cast<double>(t.values<float>()[0]);
    case DType::kDouble: return t.values<double>()[0];
    case DType::kHalf: return static_cast<double>(half_to_float(t.values<uint16_t>()[0]));
    case DType::kBfloat16: return static_cast<double>(bfloat16_to_float(t.values<uint16_t>()[0]));
    default: break;
  }
  WHITTLE_ASSIGN(const int64_t v, scalar_int(t, what));
  return static_cast<double>(v);
}

Result<bool> scalar_bool(const Tensor& t, std::string_view what) {
  if (t.elements() != 1 || t.dtype() != DType::kBool) {
    return invalid_argument(cat(what, " must be a single bool"));
  }
  return t.values<uint8_t>()[0] != 0;
}

Result<std::string> scalar_string(const Tensor& t, std::string_view what) {
  if (t.elements() != 1 || !t.is_string()) {
    return invalid_argument(cat(what, " must be a single string"));
  }
  return t.strings()[0];
}

Result<Dims> int_vector(const Tensor& t, std::string_view what) {
  Dims values;
  if (t.dtype() == DType::kInt32) {
    for (int32_t v : t.values<int32_t>()) values.push_back(v);
  } else if (t.dtype() == DType::kInt64) {
    for (int64_t v : t.values<int64_t>()) values.push_back(v);
  } else if (t.dtype() == DType::kInt16) {
    for (int16_t v : t.values<int16_t>()) values.push_back(v);
  } else {
    return invalid_argument(
        cat(what, " must be int32 or int64, not ", dtype_name(t.dtype())));
  }
  return values;
}

Result<Dims> shape_input(const Tensor& t, std::string_view what, bool allow_minus_one) {
  if (rank_of(t) > 1) return invalid_argument(cat(what, " must be a vector"));
  if (t.elements() > static_cast<uint64_t>(kMaxRank)) {
    return invalid_argument(cat(what, " has ", t.elements(), " dimensions"));
  }
  WHITTLE_ASSIGN(Dims dims, int_vector(t, what));
  for (int64_t d : dims) {
    if (d < 0 && !(allow_minus_one && d == -1)) {
      return invalid_argument(cat(what, " has a negative dimension: ", dims_text(dims)));
    }
  }
  return dims;
}

Result<int> axis_in(int64_t axis, int rank, std::string_view what) {
  if (axis < -rank || axis >= rank) {
    return invalid_argument(cat(what, " ", axis, " is outside of rank ", rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

Result<Tensor> int_tensor(DType dtype, Dims dims, const std::vector<int64_t>& values,
                          Context& ctx) {
  WHITTLE_ASSIGN(Tensor t, make_tensor(dtype, std::move(dims), ctx));
  if (t.elements() != values.size()) return internal_error("int_tensor: wrong number of values");
  if (dtype == DType::kInt64) {
    std::copy(values.begin(), values.end(), t.mutable_values<int64_t>().begin());
  } else if (dtype == DType::kInt32) {
    auto out = t.mutable_values<int32_t>();
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i] > INT32_MAX || values[i] < INT32_MIN) {
        return invalid_argument(cat(values[i], " does not fit int32"));
      }
      out[i] = static_cast<int32_t>(values[i]);
    }
  } else {
    return no_kernel(cat("integers of dtype ", dtype_name(dtype)));
  }
  return t;
}

Tensors one(Tensor t) {
  Tensors v;
  v.push_back(std::move(t));
  return v;
}

std::string dims_text(const Dims& dims) { return Shape(dims).to_string(); }

Dims row_major_strides(const Dims& dims) {
  Dims strides(dims.size());
  int64_t step = 1;
  for (size_t i = dims.size(); i-- > 0;) {
    strides[i] = step;
    step *= std::max<int64_t>(dims[i], 1);
  }
  return strides;
}

uint64_t product(const Dims& dims, size_t from, size_t to) {
  uint64_t n = 1;
  for (size_t i = from; i < to; ++i) n *= static_cast<uint64_t>(dims[i]);
  return n;
}

Result<Mover> Mover::make(DType dtype, Dims dims, Context& ctx) {
  Mover m;
  m.dtype_ = dtype;
  if (dtype == DType::kString) {
    WHITTLE_ASSIGN(m.elements_, element_count(dims));
    WHITTLE_ASSIGN(m.strings_, make_strings(m.elements_, ctx));
    m.dims_ = std::move(dims);
    m.string_budget_ = ctx.memory_budget();
    return m;
  }
  WHITTLE_ASSIGN(m.bytes_, make_tensor(dtype, std::move(dims), ctx));
  m.elements_ = m.bytes_.elements();
  m.width_ = byte_width(dtype);
  m.data_ = m.bytes_.mutable_bytes();
  return m;
}

void Mover::copy(uint64_t to, const Tensor& from, uint64_t at, uint64_t count) {
  if (count == 0) return;
  assert(to + count <= elements_ && at + count <= from.elements());
  if (dtype_ == DType::kString) {
    for (uint64_t i = 0; i < count; ++i) put_string(to + i, from.strings()[at + i]);
  } else {
    std::memcpy(data_ + to * width_, from.bytes().data() + at * width_, count * width_);
  }
}

namespace {

template <class T>
void strided(uint8_t* to, const uint8_t* from, int64_t to_step, int64_t from_step, uint64_t count) {
  T* out = reinterpret_cast<T*>(to);
  const T* in = reinterpret_cast<const T*>(from);
  for (uint64_t i = 0; i < count; ++i) {
    *out = *in;
    out += to_step;
    in += from_step;
  }
}

struct Wide {
  uint64_t a, b;
};

void strided_bytes(uint8_t* to, const uint8_t* from, int64_t to_step, int64_t from_step,
                   uint64_t count, uint32_t width) {
  switch (width) {
    case 1: return strided<uint8_t>(to, from, to_step, from_step, count);
    case 2: return strided<uint16_t>(to, from, to_step, from_step, count);
    case 4: return strided<uint32_t>(to, from, to_step, from_step, count);
    case 8: return strided<uint64_t>(to, from, to_step, from_step, count);
    default: return strided<Wide>(to, from, to_step, from_step, count);
  }
}

}  // namespace

void Mover::copy_strided(uint64_t to, const Tensor& from, int64_t at, int64_t stride,
                         uint64_t count) {
  if (count == 0) return;
  if (stride == 1) return copy(to, from, static_cast<uint64_t>(at), count);
  if (dtype_ == DType::kString) {
    for (uint64_t i = 0; i < count; ++i, at += stride) {
      put_string(to + i, from.strings()[static_cast<size_t>(at)]);
    }
    return;
  }
  strided_bytes(data_ + to * width_, from.bytes().data() + static_cast<uint64_t>(at) * width_, 1,
                stride, count, width_);
}

void Mover::scatter_strided(int64_t to, int64_t stride, const Tensor& from, uint64_t at,
                            uint64_t count) {
  if (count == 0) return;
  if (dtype_ == DType::kString) {
    for (uint64_t i = 0; i < count; ++i, to += stride) {
      put_string(static_cast<size_t>(to), from.strings()[at + i]);
    }
    return;
  }
  strided_bytes(data_ + static_cast<uint64_t>(to) * width_, from.bytes().data() + at * width_,
                stride, 1, count, width_);
}

// Repeating one long string many times must not pass the budget.
void Mover::put_string(size_t to, const std::string& from) {
  string_bytes_ += from.size();
  if (string_bytes_ <= string_budget_) strings_[to] = from;
}

Result<Tensor> Mover::take() {
  if (string_bytes_ > string_budget_) return over_limit("strings above the memory budget");
  if (dtype_ == DType::kString) return Tensor(Shape(std::move(dims_)), std::move(strings_));
  return std::move(bytes_);
}

namespace {

// Drops dimensions of size 1 and joins neighbours that are contiguous to one another.
void coalesce(View& view) {
  Dims dims, strides;
  for (size_t i = 0; i < view.dims.size(); ++i) {
    if (view.dims[i] == 1) continue;
    if (!dims.empty() && strides.back() == view.strides[i] * view.dims[i]) {
      dims.back() *= view.dims[i];
      strides.back() = view.strides[i];
    } else {
      dims.push_back(view.dims[i]);
      strides.push_back(view.strides[i]);
    }
  }
  view.dims = std::move(dims);
  view.strides = std::move(strides);
}

// Transposing [rows, columns] in squares keeps both sides in cache.
template <class T>
void transpose_block(const T* from, T* to, int64_t rows, int64_t columns, int64_t row_stride,
                     int64_t column_stride) {
  constexpr int64_t kSquare = 32;
  for (int64_t r0 = 0; r0 < rows; r0 += kSquare) {
    const int64_t r1 = std::min(rows, r0 + kSquare);
    for (int64_t c0 = 0; c0 < columns; c0 += kSquare) {
      const int64_t c1 = std::min(columns, c0 + kSquare);
      for (int64_t r = r0; r < r1; ++r) {
        for (int64_t c = c0; c < c1; ++c) {
          to[r * columns + c] = from[r * row_stride + c * column_stride];
        }
      }
    }
  }
}

}  // namespace

Result<Tensor> materialize(const Tensor& from, View view, Dims out_dims, Context& ctx) {
  coalesce(view);
  // Everything in one piece and in place: share the bytes.
  const bool whole = view.offset == 0 && view.dims.size() <= 1 &&
                     (view.dims.empty() || view.strides[0] == 1);
  WHITTLE_ASSIGN(const uint64_t count, element_count(out_dims));
  if (whole && count == from.elements()) return from.reshaped(Shape(std::move(out_dims)));

  WHITTLE_ASSIGN(Mover out, Mover::make(from.dtype(), std::move(out_dims), ctx));
  if (count == 0) return out.take();
  if (view.dims.empty()) {
    out.copy(0, from, static_cast<uint64_t>(view.offset), 1);
    return out.take();
  }
  const size_t rank = view.dims.size();
  const int64_t inner = view.dims[rank - 1], inner_stride = view.strides[rank - 1];
  if (rank >= 2 && from.dtype() != DType::kString && byte_width(from.dtype()) == 4 &&
      inner_stride > 1 && view.strides[rank - 2] == 1) {
    WHITTLE_ASSIGN(Tensor t, out.take());
    const int64_t rows = view.dims[rank - 2];
    Dims index(rank - 2, 0);
    int64_t at = view.offset;
    for (uint64_t done = 0; done < count; done += static_cast<uint64_t>(rows * inner)) {
      transpose_block(reinterpret_cast<const uint32_t*>(from.bytes().data()) + at,
                      reinterpret_cast<uint32_t*>(t.mutable_bytes()) + done, rows, inner, int64_t{1},
                      inner_stride);
      for (size_t i = rank - 2; i-- > 0;) {
        at += view.strides[i];
        if (++index[i] < view.dims[i]) break;
        at -= view.strides[i] * view.dims[i];
        index[i] = 0;
      }
    }
    return t;
  }
  Dims index(rank - 1, 0);
  int64_t at = view.offset;
  for (uint64_t done = 0; done < count; done += static_cast<uint64_t>(inner)) {
    out.copy_strided(done, from, at, inner_stride, static_cast<uint64_t>(inner));
    for (size_t i = rank - 1; i-- > 0;) {
      at += view.strides[i];
      if (++index[i] < view.dims[i]) break;
      at -= view.strides[i] * view.dims[i];
      index[i] = 0;
    }
  }
  return out.take();
}

Result<Tensor> widened(const Tensor& t, Context& ctx) {
  if (is_native(t.dtype())) return t;
  DType wide;
  switch (lane_of(t.dtype())) {
    case Lane::kF32: wide = DType::kFloat; break;
    case Lane::kI64: wide = DType::kInt64; break;
    case Lane::kU64: wide = DType::kUint64; break;
    default: return no_kernel(cat("no arithmetic on dtype ", dtype_name(t.dtype())));
  }
  WHITTLE_ASSIGN(Tensor out, make_tensor(wide, dims_of(t), ctx));
  widen(t.dtype(), t.bytes().data(), 1, out.mutable_bytes(), static_cast<size_t>(t.elements()));
  return out;
}

Result<Tensor> narrowed(const Tensor& t, DType dtype, Context& ctx) {
  if (t.dtype() == dtype) return t;
  WHITTLE_ASSIGN(Tensor out, make_tensor(dtype, dims_of(t), ctx));
  narrow(dtype, t.bytes().data(), out.mutable_bytes(), static_cast<size_t>(t.elements()));
  return out;
}

}  // namespace whittle::eval
