// kernel_util.h: what kernels share: checking inputs, allocating outputs, moving elements.
#ifndef WHITTLE_EVAL_KERNEL_UTIL_H_
#define WHITTLE_EVAL_KERNEL_UTIL_H_

#include <optional>
#include <string>
#include <vector>

#include "whittle/kernel.h"
#include "whittle/text.h"

namespace whittle::eval {

using Tensors = std::vector<Tensor>;
using Dims = std::vector<int64_t>;

constexpr DTypeSet dtypes() { return {}; }
template <class... More>
constexpr DTypeSet dtypes(DType first, More... more) {
  return DTypeSet{uint64_t{1} << static_cast<int32_t>(first)} | dtypes(more...);
}
constexpr DTypeSet kFloats = dtypes(DType::kFloat, DType::kDouble, DType::kHalf, DType::kBfloat16);
constexpr DTypeSet kSignedInts = dtypes(DType::kInt8, DType::kInt16, DType::kInt32, DType::kInt64);
constexpr DTypeSet kUnsignedInts =
    dtypes(DType::kUint8, DType::kUint16, DType::kUint32, DType::kUint64);
constexpr DTypeSet kInts = kSignedInts | kUnsignedInts;
constexpr DTypeSet kReals = kFloats | kInts;
constexpr DTypeSet kComplex = dtypes(DType::kComplex64, DType::kComplex128);
constexpr DTypeSet kNumbers = kReals | kComplex;
constexpr DTypeSet kQuantized =
    dtypes(DType::kQint8, DType::kQuint8, DType::kQint16, DType::kQuint16, DType::kQint32);
constexpr DTypeSet kBoolOnly = dtypes(DType::kBool);
constexpr DTypeSet kStringOnly = dtypes(DType::kString);
// Everything that can be moved: all dtypes with bytes, and strings.
constexpr DTypeSet kMovable{~uint64_t{0} & ~(dtypes(DType::kResource, DType::kVariant).bits | 1)};

// Attribute lists of a node, empty when missing.
const std::vector<int64_t>& ints_attr(const Node& node, std::string_view name);
const std::vector<DType>& types_attr(const Node& node, std::string_view name);

// Errors of a kernel. no_kernel: well formed, but not implemented here.
Error no_kernel(std::string what);
Status need_inputs(const KernelCall& call, size_t count);
Status need_at_least(const KernelCall& call, size_t count);
Status need_dtype(const Tensor& t, DType dtype, std::string_view what);
Status need_same_dtype(const Tensor& a, const Tensor& b);
Status need_rank(const Tensor& t, int rank, std::string_view what);

// Elements of a shape whose dimensions are all >= 0, overflow-checked.
Result<uint64_t> element_count(const Dims& dims);
// kLimit when that many bytes are above the budget.
Status within_budget(uint64_t bytes, const Context& ctx);
// Zero-filled tensor within the budget. Not for strings.
Result<Tensor> make_tensor(DType dtype, Dims dims, Context& ctx);
// Takes over `reuse` when nobody else holds its bytes and its size fits, else makes a new one.
Result<Tensor> make_or_reuse(DType dtype, const Dims& dims, Tensor& reuse, Context& ctx);
// Room for string elements within the budget.
Result<std::vector<std::string>> make_strings(uint64_t count, Context& ctx);

// A tensor of one element as int64 (int32, int64, and the narrow integers).
Result<int64_t> scalar_int(const Tensor& t, std::string_view what);
Result<double> scalar_real(const Tensor& t, std::string_view what);
Result<bool> scalar_bool(const Tensor& t, std::string_view what);
Result<std::string> scalar_string(const Tensor& t, std::string_view what);
// int32 or int64 vector (also of any other rank) as int64.
Result<Dims> int_vector(const Tensor& t, std::string_view what);
// Dimensions given as a tensor: rank <= 1, no negative ones unless `allow_minus_one`.
Result<Dims> shape_input(const Tensor& t, std::string_view what, bool allow_minus_one = false);
// Negative axes count from the end; invalid_argument outside of [-rank, rank).
Result<int> axis_in(int64_t axis, int rank, std::string_view what);
// An int32 or int64 tensor holding `values`; kInvalidArgument when one does not fit int32.
Result<Tensor> int_tensor(DType dtype, Dims dims, const std::vector<int64_t>& values, Context& ctx);

Tensors one(Tensor t);
inline const Dims& dims_of(const Tensor& t) { return t.shape().dims; }
inline int rank_of(const Tensor& t) { return static_cast<int>(t.shape().dims.size()); }
std::string dims_text(const Dims& dims);

// Element strides of a row-major array.
Dims row_major_strides(const Dims& dims);
// Product of dims[from, to).
uint64_t product(const Dims& dims, size_t from, size_t to);

// Fills an output of any dtype, strings included, with elements of inputs of the same dtype.
class Mover {
 public:
  static Result<Mover> make(DType dtype, Dims dims, Context& ctx);
  uint64_t elements() const { return elements_; }

  void copy(uint64_t to, const Tensor& from, uint64_t at, uint64_t count);
  // `count` elements of `from`, `stride` apart (negative, or 0 to repeat one).
  void copy_strided(uint64_t to, const Tensor& from, int64_t at, int64_t stride, uint64_t count);
  // The other way round: consecutive elements of `from` to places `stride` apart.
  void scatter_strided(int64_t to, int64_t stride, const Tensor& from, uint64_t at, uint64_t count);
  // kLimit when strings above the memory budget were asked for.
  Result<Tensor> take();

 private:

  void put_string(size_t to, const std::string& from);
  DType dtype_ = DType::kInvalid;
  Dims dims_;
  uint64_t elements_ = 0;
  uint32_t width_ = 0;
  Tensor bytes_;
  uint8_t* data_ = nullptr;
  std::vector<std::string> strings_;
  uint64_t string_bytes_ = 0, string_budget_ = 0;
};

// A strided window into a tensor: element (i0, i1, …) is at offset + sum i_k * strides[k].
struct View {
  Dims dims;
  Dims strides;
  int64_t offset = 0;
};
// The view as a tensor of shape `out_dims` (same number of elements). Every index must lie inside
// of `from`; callers have checked that.
Result<Tensor> materialize(const Tensor& from, View view, Dims out_dims, Context& ctx);

// The whole tensor in another arithmetic dtype: half and bfloat16 as float, narrow integers as int64
// or uint64. The tensor itself when it is stored so already.
Result<Tensor> widened(const Tensor& t, Context& ctx);
// Back: float to half or bfloat16 (rounded), integers cut to their low bits.
Result<Tensor> narrowed(const Tensor& t, DType dtype, Context& ctx);

// Families, one a file; kernel_table.cc joins them.
using Rows = std::span<const KernelInfo>;

}  // namespace whittle::eval

#endif  // WHITTLE_EVAL_KERNEL_UTIL_H_
