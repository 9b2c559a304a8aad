// kernel.h: how single ops are computed; one row an op.
//
//   all_kernels()    every op the evaluator runs, sorted by name: docs and tests are made from it
//   evaluate_node()  one node on tensors in memory: constant folding
//
// A row with `run` maps tensors to tensors and depends on nothing else. Rows with `run_state` work
// on variables, tables, TensorLists or TensorArrays, and rows with neither are control flow; both
// run inside an Evaluator only (evaluator.h).
//
// Shapes   checked by the kernel; inputs and attributes may hold anything.
// Errors   kUnsupported      no kernel: the op, the dtype or an attribute value has none. "Not folded",
//                            "cannot verify here"; never a defect of the model.
//          kInvalidArgument  inputs that TensorFlow refuses, too: a shape that does not fit, an index
//                            out of range, an integer division by zero
//          kLimit            an output above Context::memory_budget()
// Results  the same bits natively and in wasm, with and without SIMD: sums run in one order (SIMD
//          across outputs, the inner index one after the other) and no libm is used. Arithmetic
//          flushes subnormal floats to zero as TensorFlow's CPU does; data movement keeps them.
// Source   the behaviour is that of TensorFlow 2.21 on a CPU without oneDNN.
#ifndef WHITTLE_KERNEL_H_
#define WHITTLE_KERNEL_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "whittle/context.h"
#include "whittle/graph.h"
#include "whittle/tensor.h"

namespace whittle {

// How close to TensorFlow a kernel's results are (decisions, Judging a result).
enum class Exactness : uint8_t {
  kExact,   // equal bits: movement, integers, + - * / sqrt, casts, comparisons
  kUlp,     // transcendental functions: 4 ulp, or 2e-7 of the largest magnitude
  kSum,     // reductions and products: relative 1e-5
  kRandom,  // same distribution, or nothing to compare
};

// What the work grows with; a guide for "is this cheap enough to fold or verify".
enum class Cost : uint8_t {
  kView,     // shares the input's bytes
  kMove,     // copies elements
  kElement,  // a few operations an output element
  kReduce,   // a few operations an input element
  kProduct,  // output elements times an inner size: convolution, matrix product
};

// Dtypes as a bitmap by DType number.
struct DTypeSet {
  uint64_t bits = 0;
  constexpr bool has(DType t) const {
    const int32_t number = static_cast<int32_t>(t);
    return number > 0 && number < 64 && (bits >> number & 1) != 0;
  }
  constexpr DTypeSet operator|(DTypeSet o) const { return {bits | o.bits}; }
};

struct KernelCall {
  const Node& node;
  // The kernel may take these over: a buffer that nobody else holds can become the output.
  std::span<Tensor> in;
  Context& ctx;
};

struct StateCall;  // internal to eval

struct KernelInfo {
  std::string_view op;
  DTypeSet dtypes;            // of the first data input (of the output when there is none)
  std::string_view attrs;     // attributes that change the result, comma-separated, all values
                              // understood unless the documentation of the row's file says otherwise
  Cost cost = Cost::kElement;
  Exactness exactness = Exactness::kExact;
  Result<std::vector<Tensor>> (*run)(KernelCall& call) = nullptr;
  Status (*run_state)(StateCall& call) = nullptr;
};

std::span<const KernelInfo> all_kernels();
const KernelInfo* find_kernel(std::string_view op);

// Runs one node. `inputs` are its data inputs in order; one tensor per output comes back.
// Errors are in "node NAME". Const, Placeholder and everything stateful answer kUnsupported.
Result<std::vector<Tensor>> evaluate_node(const Node& node, std::span<const Tensor> inputs,
                                          Context& ctx);

}  // namespace whittle

#endif  // WHITTLE_KERNEL_H_
