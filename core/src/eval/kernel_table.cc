#include <algorithm>
#include <array>
#include <cassert>

#include "families.h"
#include "whittle/math.h"

namespace whittle {
namespace eval {
namespace {

// All rows, found by a hash of the op: sorting them would cost every start 10 ms of cold code.
class Table {
 public:
  Table() {
    for (Rows family :
         {array_kernels(), audio_kernels(), binary_kernels(), block_kernels(),
          cast_kernels(), check_kernels(), conv_kernels(), decode_kernels(),
          einsum_kernels(), fft_kernels(), gather_kernels(), image_kernels(),
          join_kernels(), list_kernels(), make_kernels(), matmul_kernels(),
          matrix_kernels(), move_kernels(), norm_kernels(), parse_kernels(),
          pool_kernels(), quantize_kernels(), quantized_kernels(), ragged_kernels(),
          random_kernels(), reduce_kernels(), resize_kernels(), rnn_kernels(),
          segment_kernels(), select_kernels(), shape_kernels(), slice_kernels(),
          sort_kernels(), sparse_kernels(), string_kernels(), table_kernels(),
          unary_kernels(), variable_kernels()}) {
      for (const KernelInfo& row : family) {
        assert(rows_ < kSlots / 2);
        *slot(row.op) = &row;
        ++rows_;
      }
    }
  }
  const KernelInfo* find(std::string_view op) { return *slot(op); }

  std::vector<KernelInfo> sorted() const {
    std::vector<KernelInfo> all;
    for (const KernelInfo* row : slots_) {
      if (row != nullptr) all.push_back(*row);
    }
    std::sort(all.begin(), all.end(), [](const KernelInfo& a, const KernelInfo& b) { return a.op < b.op; });
    return all;
  }

 private:
  static constexpr size_t kSlots = 2048;  // a power of two, more than twice the rows

  // Where `op` is, or the free slot where it would go.
  const KernelInfo** slot(std::string_view op) {
    uint32_t hash = 2166136261u;  // FNV-1a
    for (char c : op) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
    for (size_t k = hash;; ++k) {
      const KernelInfo** at = &slots_[k & (kSlots - 1)];
      if (*at == nullptr || (*at)->op == op) return at;
    }
  }

  std::array<const KernelInfo*, kSlots> slots_{};
  size_t rows_ = 0;
};

Table& table() {
  static Table instance;
  return instance;
}

// Empty tensors may still have absurd dimensions, such as [0, 2^62]; strides of those overflow.
// Below this limit all index arithmetic fits 64 bits with room for a factor from an attribute.
Status check_extent(const Tensor& t) {
  uint64_t extent = 1;
  for (int64_t d : t.shape().dims) {
    if (mul_overflows(extent, static_cast<uint64_t>(std::max<int64_t>(d, 1)), &extent) ||
        extent > uint64_t{1} << 48) {
      return over_limit(cat("a tensor of shape ", t.shape().to_string(), " is too large"));
    }
  }
  return {};
}

}  // namespace

Result<Tensors> run_kernel(const KernelInfo& kernel, const Node& node, std::span<Tensor> inputs,
                           Context& ctx) {
  if (kernel.run == nullptr) return no_kernel(cat(kernel.op, " runs inside of an Evaluator only"));
  for (const Tensor& t : inputs) {
    if (t.dtype() == DType::kInvalid) return invalid_argument("an input has no value");
    WHITTLE_CHECK(check_extent(t));
  }
  KernelCall call{node, inputs, ctx};
  return kernel.run(call);
}

}  // namespace eval

std::span<const KernelInfo> all_kernels() {
  static const std::vector<KernelInfo> rows = eval::table().sorted();
  return rows;
}

const KernelInfo* find_kernel(std::string_view op) { return eval::table().find(op); }

Result<std::vector<Tensor>> evaluate_node(const Node& node, std::span<const Tensor> inputs,
                                          Context& ctx) {
  const std::string place = cat("node ", printable(node.name));
  const KernelInfo* kernel = find_kernel(node.op);
  if (kernel == nullptr) {
    return unsupported(cat("no kernel for op ", printable(node.op))).in(place);
  }
  std::vector<Tensor> held(inputs.begin(), inputs.end());
  Result<std::vector<Tensor>> result = eval::run_kernel(*kernel, node, held, ctx);
  if (!result.ok()) return result.take_error().in(place);
  return result;
}

}  // namespace whittle
