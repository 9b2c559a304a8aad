// verifying.h: what a Session needs to verify: the original kept aside, samples, the Verifier.
#ifndef WHITTLE_FACADE_VERIFYING_H_
#define WHITTLE_FACADE_VERIFYING_H_

#include <memory>

#include "request.h"
#include "whittle/pipeline.h"
#include "whittle/verify.h"

namespace whittle {

// The bound of a recipe, unless the request names one: exact passes keep every value, rounding ones
// float32's precision, lossy ones what is still the same model.
VerifyBound bound_of(const Recipe& recipe, const VerifyRequest& request);

class Verifying {
 public:
  explicit Verifying(const Request& request) : request_(request) {}

  // Before the first pass and after each one: keeps copies of the model as it was read, and of its
  // normal form. They share tensors and function bodies with the pipeline's.
  void watch(Pipeline& pipeline);
  // The original of a comparison.
  void set_original(std::unique_ptr<Model> model);

  // Restartable; true when outcome() is ready.
  Result<bool> step(MetaGraph& result, const VerifyBound& bound, const std::string& root, Context& ctx);
  const Verification& outcome() const { return outcome_; }
  double progress() const { return verifier_ == nullptr ? 0 : verifier_->progress(); }

 private:
  Status read_all_samples(const std::string& root, Context& ctx);
  Status read_warm_up(const std::string& root, Context& ctx, const std::function<Result<std::string>(FileId)>& bytes_of);

  const Request& request_;
  std::unique_ptr<Model> original_, frozen_;
  bool has_variables_ = false;
  std::map<std::string, SampleSet> samples_;
  std::unique_ptr<Verifier> verifier_;
  Verification outcome_;
};

}  // namespace whittle

#endif  // WHITTLE_FACADE_VERIFYING_H_
