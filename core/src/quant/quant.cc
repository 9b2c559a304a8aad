#include "whittle/quant.h"

#include <algorithm>
#include <cfloat>
#include <cmath>

#include "step_chain.h"
#include "whittle/text.h"
#include "work.h"

namespace whittle {
namespace {

// Runs `tensor` through the steps; with `result`, also their error statistics.
Result<Tensor> run_steps(const Tensor& tensor, const std::vector<Step>& steps,
                         EncodeResult* result) {
  if (steps.empty()) return tensor;
  const Shape& shape = steps.back().shape;
  const bool reshapes_only = std::all_of(steps.begin(), steps.end(), [&](const Step& s) {
    return s.kind == StepKind::kReshape && s.dtype == tensor.dtype();
  });
  if (reshapes_only) {
    WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
    if (elements != tensor.elements()) return corrupt("a reshape changes the number of elements");
    return tensor.reshaped(shape);
  }
  WHITTLE_ASSIGN(auto chain, quant::StepChain::make(tensor.dtype(), tensor.elements(), steps));
  WHITTLE_ASSIGN(Tensor out, Tensor::make(chain.dtype(), shape));
  quant::ErrorSums sums;
  const uint8_t* from = tensor.bytes().data();
  uint8_t* to = out.mutable_bytes();
  for (uint64_t i = 0; i < tensor.elements(); i += quant::kPiece) {
    const size_t n = static_cast<size_t>(std::min<uint64_t>(quant::kPiece, tensor.elements() - i));
    chain.run(from + i * chain.input_width(), i, n, to + i * chain.output_width(),
              result ? &sums : nullptr);
  }
  if (result) *result = quant::encode_result(sums, out.byte_size());
  return out;
}

}  // namespace

Result<Tensor> load(const TensorRef& ref, Context& ctx) {
  WHITTLE_ASSIGN(Tensor stored, load_stored(ref, ctx));
  return run_steps(stored, ref.steps(), nullptr);
}

Result<Tensor> apply_steps(Tensor tensor, const std::vector<Step>& steps) {
  return run_steps(tensor, steps, nullptr);
}

Result<Encoded> encode_in_memory(const TensorRef& ref, Context& ctx) {
  WHITTLE_ASSIGN(Tensor stored, load_stored(ref, ctx));
  Encoded encoded;
  WHITTLE_ASSIGN(encoded.tensor, run_steps(stored, ref.steps(), &encoded.result));
  encoded.result.bytes = encoded.tensor.byte_size();
  return encoded;
}

std::vector<float> int8_scales(std::span<const float> absmax) {
  std::vector<float> scales(absmax.begin(), absmax.end());
  for (float& s : scales) {
    s = s / 127.0f;
    if (!(s >= FLT_MIN && s <= FLT_MAX)) s = 1.0f;
  }
  return scales;
}

QuantizeRange quantize_weights_range(double min, double max) {
  const float low = min < 0 ? static_cast<float>(min) : 0.0f;
  const float high = max > 0 ? static_cast<float>(max) : 0.0f;
  // A subnormal step is flushed to zero by TensorFlow's CPU kernels and decodes to NaN; such values
  // are zeros there anyway.
  if (!((high - low) / 255.0f >= FLT_MIN)) return {0.0f, 1.0f};
  return {low, high};
}

QuantizeRange round_weights_range(double min, double max) {
  QuantizeRange r{static_cast<float>(min), static_cast<float>(max)};
  if (r.min != r.max) return r;
  if (std::fabs(r.min) < 1e-6f) {
    r.max = r.min + 1.0f;
  } else if (r.min > 0) {
    r.max = 2.0f * r.min;
  } else {
    r.min = 2.0f * r.max;
  }
  return r;
}

}  // namespace whittle
