#include "verifying.h"

#include <algorithm>

#include "whittle/quant.h"
#include "whittle/samples.h"
#include "whittle/saved_model.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// What two evaluations of one float32 model may differ by after sums are taken in another order.
constexpr double kRoundingBound = 1e-3;
// Below this a result does not follow its original any more. Held against the middle probe: noise is
// hard on nets that photographs are easy on, and one probe may sit on a decision boundary.
constexpr double kLossyBound = 3;

Fidelity fidelity_of(const Recipe& recipe) {
  Fidelity worst = Fidelity::kExact;
  for (const TransformSpec& spec : recipe.transforms) {
    if (const PassInfo* info = find_pass(spec.name)) worst = std::max(worst, info->fidelity);
  }
  return worst;
}

}  // namespace

VerifyBound bound_of(const Recipe& recipe, const VerifyRequest& request) {
  VerifyBound bound;
  bound.min_sqnr_db = request.min_sqnr_db;
  bound.min_agreement = request.min_agreement;
  if (bound.min_sqnr_db || bound.min_agreement) return bound;
  switch (fidelity_of(recipe)) {
    case Fidelity::kExact: bound.max_relative_error = 0; break;
    case Fidelity::kRounding: bound.max_relative_error = kRoundingBound; break;
    case Fidelity::kLossy: bound.min_median_sqnr_db = kLossyBound; break;
  }
  return bound;
}

void Verifying::watch(Pipeline& pipeline) {
  // A mutable table is filled by the restore function, which the evaluator does not run; the normal form has it in its init op.
  if (pipeline.position() == std::min<size_t>(pipeline.structural_steps(), 1)) {
    original_ = std::make_unique<Model>(pipeline.model());
    has_variables_ = true;
  }
  if (pipeline.position() == pipeline.structural_steps()) {
    frozen_ = std::make_unique<Model>(pipeline.model());
    if (!original_->meta.table_restores.empty()) {
      original_ = std::make_unique<Model>(pipeline.model());
      has_variables_ = false;
    }
  }
}

void Verifying::set_original(std::unique_ptr<Model> model) {
  original_ = std::move(model);
  has_variables_ = original_->meta.table_restores.empty();
}

Status Verifying::read_all_samples(const std::string& root, Context& ctx) {
  const auto bytes_of = [&](FileId file) -> Result<std::string> {
    WHITTLE_ASSIGN(const auto bytes, ctx.bytes()->fetch({file, 0, ctx.bytes()->file_size(file)}));
    return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  };
  std::vector<SampleFile> files;
  for (size_t k = 0; k < request_.files.size(); ++k) {
    if (request_.roles[k] != FileRole::kSamples) continue;
    WHITTLE_ASSIGN(std::string bytes, bytes_of(static_cast<FileId>(k)));
    files.push_back({request_.files[k].path, std::move(bytes)});
  }
  if (files.empty()) return read_warm_up(root, ctx, bytes_of);
  // Samples may fit one signature of several; one that fits none is a mistake.
  std::optional<Error> first;
  for (const Signature& s : original_->meta.signatures) {
    Result<SampleSet> set = read_samples(files, s);
    if (set.ok()) samples_[s.key] = std::move(set).value();
    else if (!first) first = set.take_error();
  }
  if (samples_.empty() && first) return *first;
  return {};
}

// A warm-up file is part of many exports and says what real requests look like; a broken one is only noted.
Status Verifying::read_warm_up(const std::string& root, Context& ctx, const std::function<Result<std::string>(FileId)>& bytes_of) {
  const std::optional<FileId> file = find_file(files_of(request_, FileRole::kModel), root, "assets.extra/tf_serving_warmup_requests");
  if (!file) return {};
  WHITTLE_ASSIGN(const std::string bytes, bytes_of(*file));
  Result<std::map<std::string, SampleSet>> sets = read_warmup(bytes, [&](std::string_view proto) -> Result<Tensor> {
    WHITTLE_ASSIGN(const TensorRef ref, decode_tensor_proto(proto));
    return load(ref, ctx);
  });
  if (sets.ok()) samples_ = std::move(sets).value();
  else ctx.warn(cat("the warm-up requests cannot be read: ", sets.error().message));
  return {};
}

Result<bool> Verifying::step(MetaGraph& result, const VerifyBound& bound, const std::string& root, Context& ctx) {
  if (verifier_ == nullptr) {
    WHITTLE_CHECK(read_all_samples(root, ctx));
    VerifyOptions options;
    options.probes = request_.verify.probes;
    options.bound = bound;
    options.samples = samples_;
    verifier_ = std::make_unique<Verifier>(VerifySide{&original_->meta, has_variables_}, VerifySide{&result, has_variables_ && frozen_ == nullptr},
                                           frozen_ == nullptr ? nullptr : &frozen_->meta, std::move(options));
  }
  WHITTLE_ASSIGN(const bool done, verifier_->step(ctx));
  if (!done) return false;
  outcome_ = verifier_->take();
  verifier_.reset();
  original_.reset();
  frozen_.reset();
  return true;
}

}  // namespace whittle
