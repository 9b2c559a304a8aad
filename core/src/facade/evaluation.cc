#include "evaluation.h"

#include <nlohmann/json.hpp>

#include "whittle/math.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// The endpoint of `key`, or the only one; plain tensors only.
Result<const TensorInfo*> endpoint(const std::map<std::string, TensorInfo>& all, const std::string& key,
                                   std::string_view what) {
  const TensorInfo* found = nullptr;
  for (const auto& [name, info] : all) {
    if (!key.empty() && name != key) continue;
    if (found != nullptr) return invalid_argument(cat("the signature has several ", what, "s: name one"));
    found = &info;
  }
  if (found == nullptr) return not_found(cat("the signature has no ", what, " ", printable(key)));
  if (found->encoding != TensorInfo::Encoding::kName) return unsupported(cat("the ", what, " is no plain tensor"));
  return found;
}

Result<const Signature*> signature(const MetaGraph& meta, const std::string& key) {
  for (const Signature& s : meta.signatures) {
    if (s.key == key) return &s;
  }
  return not_found(cat("there is no signature ", printable(key)));
}

}  // namespace

Evaluation::Evaluation(MetaGraph& meta, SampleSpec spec, FileId samples)
    : meta_(meta), spec_(std::move(spec)), samples_(samples) {
  EvaluatorOptions options;
  options.load = [](const TensorRef& ref, Context& ctx) { return load(ref, ctx); };
  evaluator_ = std::make_unique<Evaluator>(meta_, std::move(options));
}

Result<bool> Evaluation::step(Context& ctx) {
  if (!initialized_) {
    WHITTLE_CHECK(evaluator_->initialize(ctx));
    initialized_ = true;
  }
  if (run_ == nullptr) WHITTLE_CHECK(begin(ctx));
  WHITTLE_ASSIGN(const bool done, run_->step(ctx));
  if (done) WHITTLE_CHECK(finish(ctx));
  return done;
}

Status Evaluation::begin(Context& ctx) {
  WHITTLE_ASSIGN(const Signature* s, signature(meta_, spec_.signature));
  WHITTLE_ASSIGN(const TensorInfo* in, endpoint(s->inputs, spec_.input, "input"));
  WHITTLE_ASSIGN(const TensorInfo* out, endpoint(s->outputs, spec_.output, "output"));
  if (spec_.count < 1 || spec_.count > 1'000'000) return invalid_argument("the number of samples must be between 1 and 1,000,000");
  Shape shape = spec_.shape;
  shape.dims.insert(shape.dims.begin(), spec_.count);
  WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
  WHITTLE_ASSIGN(const auto bytes, ctx.bytes()->fetch({samples_, spec_.offset, elements}));
  WHITTLE_ASSIGN(Tensor images, Tensor::make(DType::kFloat, shape));
  for (size_t k = 0; k < bytes.size(); ++k) {
    images.mutable_values<float>()[k] = static_cast<float>(bytes[k]) * spec_.scale;
  }
  WHITTLE_ASSIGN(run_, evaluator_->start({{in->tensors[0], images}}, {out->tensors[0]}, ctx));
  return {};
}

Status Evaluation::finish(Context& ctx) {
  if (results_.empty()) results_ = run_->results();  // handed out once; the labels may still be missing
  const Tensor& out = results_[0];
  if (out.dtype() != DType::kFloat || out.elements() % static_cast<uint64_t>(spec_.count) != 0) {
    return unsupported("the output is not one row of float32 a sample");
  }
  const auto values = out.values<float>();
  const size_t width = static_cast<size_t>(out.elements()) / static_cast<size_t>(spec_.count);
  nlohmann::ordered_json report{{"schema", "whittle-evaluation/1"}, {"signature", spec_.signature}, {"count", spec_.count}};
  if (spec_.labels && width != 0) {
    WHITTLE_ASSIGN(const auto labels, ctx.bytes()->fetch({samples_, *spec_.labels, static_cast<uint64_t>(spec_.count)}));
    int64_t correct = 0;
    for (size_t k = 0; k < static_cast<size_t>(spec_.count); ++k) {
      size_t best = 0;
      for (size_t c = 1; c < width; ++c) {
        if (values[k * width + c] > values[k * width + best]) best = c;
      }
      correct += best == labels[k] ? 1 : 0;
    }
    report["correct"] = correct;
  }
  report["shape"] = out.shape().dims;
  report["output"] = std::vector<float>(values.begin(), values.end());
  report_ = report.dump();
  return {};
}

}  // namespace whittle
