#include "step_chain.h"

#include <cassert>
#include <cstring>

#include "whittle/text.h"

namespace whittle::quant {
namespace {

// Steps of one tensor; folding and encoding make a handful.
constexpr size_t kMaxSteps = 64;

Status check_values(const Step& step, size_t count) {
  const size_t found = step.values ? step.values->size() : 0;
  if (count == 0 ? found > 0 : found == count) return {};
  return corrupt(cat("a step has ", found, " values, not ", count == 0 ? 1 : count));
}

}  // namespace

Result<StepChain> StepChain::make(DType stored, uint64_t elements, const std::vector<Step>& steps) {
  if (steps.size() > kMaxSteps) return corrupt(cat("a tensor has more than ", kMaxSteps, " steps"));
  StepChain chain;
  chain.dtype_ = stored;
  chain.input_width_ = byte_width(stored);
  if (chain.input_width_ == 0)
    return corrupt(cat("elements of ", dtype_name(stored), " have no size"));
  for (const Step& step : steps) {
    WHITTLE_ASSIGN(const uint64_t count, step.shape.elements());
    if (count != elements) {
      return corrupt(cat("a step makes ", count, " elements out of ", elements));
    }
    if (step.kind == StepKind::kReshape) {
      if (step.dtype != chain.dtype_) return corrupt("a reshape changes the dtype");
      continue;
    }
    WHITTLE_ASSIGN(Stage stage, make_stage(step, chain.dtype_));
    chain.dtype_ = step.dtype;
    chain.stages_.push_back(std::move(stage));
  }
  chain.output_width_ = byte_width(chain.dtype_);
  for (size_t i = 0; i + 1 < chain.stages_.size(); ++i) chain.stages_[i].out.resize(kPiece);
  return chain;
}

Result<StepChain::Stage> StepChain::make_stage(const Step& step, DType input) {
  if (input != DType::kFloat) {
    return corrupt(cat("a step needs float32 elements, not ", dtype_name(input)));
  }
  Stage stage;
  stage.kind = step.kind;
  stage.dtype = step.dtype;
  stage.lossy = step.kind != StepKind::kScaleChannels;
  DType expected = DType::kFloat;
  switch (step.kind) {
    case StepKind::kCast:
      expected = step.dtype == DType::kBfloat16 ? DType::kBfloat16 : DType::kHalf;
      break;
    case StepKind::kScaleChannels:
    case StepKind::kInt8Channels: {
      WHITTLE_CHECK(check_values(step, 0));
      if (step.inner == 0) return corrupt("a channel has no elements");
      stage.values = ChannelValues(*step.values, step.inner);
      if (step.kind == StepKind::kScaleChannels) break;
      std::vector<float> inverses(*step.values);
      for (float& v : inverses) v = int8_inverse(v);
      stage.inverses = ChannelValues(std::move(inverses), step.inner);
      expected = DType::kInt8;
      break;
    }
    case StepKind::kQuantizeWeights: {
      WHITTLE_CHECK(check_values(step, 2));
      const float min = (*step.values)[0], max = (*step.values)[1];
      stage.quint8 = quint8_params(min, max);
      stage.quint8_decoding = quint8_decoding(min, max);
      expected = DType::kQuint8;
      break;
    }
    case StepKind::kRoundWeights: {
      WHITTLE_CHECK(check_values(step, 3));
      const float min = (*step.values)[0], max = (*step.values)[1];
      stage.round = {min, (max - min) / (*step.values)[2]};
      break;
    }
    default: return corrupt(cat("there is no step of kind ", static_cast<int>(step.kind)));
  }
  if (step.dtype != expected) return corrupt(cat("a step cannot make ", dtype_name(step.dtype)));
  return stage;
}

void StepChain::run(const uint8_t* in, uint64_t first, size_t n, uint8_t* out, ErrorSums* sums) {
  assert(n <= kPiece);
  if (stages_.empty()) {
    if (n > 0) std::memcpy(out, in, n * input_width_);
    return;
  }
  const float* x = reinterpret_cast<const float*>(in);
  const float* original = nullptr;
  for (Stage& stage : stages_) {
    if (stage.lossy && original == nullptr) original = x;
    if (&stage == &stages_.back()) {
      encode(stage, x, first, n, out);
    } else {
      encode(stage, x, first, n, stage.out.data());
      x = stage.out.data();
    }
  }
  if (sums == nullptr || original == nullptr) return;
  kernels().error_sums(original, decode(stages_.back(), out, first, n), n, sums);
}

void StepChain::encode(Stage& stage, const float* x, uint64_t first, size_t n, void* out) {
  const Kernels& k = kernels();
  switch (stage.kind) {
    case StepKind::kCast:
      if (stage.dtype == DType::kHalf) {
        k.half_encode(x, n, static_cast<uint16_t*>(out));
      } else {
        k.bfloat16_encode(x, n, static_cast<uint16_t*>(out));
      }
      break;
    case StepKind::kScaleChannels:
      k.scale(x, stage.values.at(first, n), n, static_cast<float*>(out));
      break;
    case StepKind::kInt8Channels:
      k.int8_encode(x, stage.values.at(first, n), stage.inverses.at(first, n), n,
                    static_cast<int8_t*>(out));
      break;
    case StepKind::kQuantizeWeights:
      k.quint8_encode(x, n, stage.quint8, static_cast<uint8_t*>(out));
      break;
    case StepKind::kRoundWeights:
      k.round_weights(x, n, stage.round, static_cast<float*>(out));
      break;
    case StepKind::kReshape: break;  // never a stage
  }
}

// The floats that the result stands for.
const float* StepChain::decode(Stage& stage, const void* codes, uint64_t first, size_t n) {
  const Kernels& k = kernels();
  if (stage.dtype == DType::kFloat) return static_cast<const float*>(codes);
  decoded_.resize(kPiece);
  float* out = decoded_.data();
  if (stage.kind == StepKind::kInt8Channels) {
    k.int8_decode(static_cast<const int8_t*>(codes), stage.values.at(first, n), n, out);
  } else if (stage.kind == StepKind::kQuantizeWeights) {
    k.quint8_decode(static_cast<const uint8_t*>(codes), n, stage.quint8_decoding, out);
  } else if (stage.dtype == DType::kHalf) {
    k.half_decode(static_cast<const uint16_t*>(codes), n, out);
  } else {
    k.bfloat16_decode(static_cast<const uint16_t*>(codes), n, out);
  }
  return out;
}

}  // namespace whittle::quant
