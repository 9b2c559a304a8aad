// verify.h: runs two models in the evaluator on the same inputs and compares what comes out.
//
//   Verifier v({&original, …}, {&result, …}, options);
//   loop: v.step(ctx)       kNeedBytes: provide and step again; true when take() is ready
//
// Signatures are paired by key; when the result has none (a bare graph), its nodes are found by the names that
// the original's signature uses. Whatever cannot be run is said in the outcome, never an error: step()
// fails only with kNeedBytes, kCancelled or kInternal.
//
// Cost     operations of both models together. Without a number of probes as many as fit into `budget`
//          run, at most kMostProbes; a model of which not even one fits is skipped, with a sentence.
// Memory   weights as they are needed; the values that are alive; 512 MB at most.
#ifndef WHITTLE_VERIFY_H_
#define WHITTLE_VERIFY_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "whittle/model.h"
#include "whittle/tensor.h"
#include "whittle/verification.h"

namespace whittle {

constexpr uint64_t kMostProbes = 8;

// Inputs that somebody gave: by key of the signature's inputs, one set a probe.
struct SampleSet {
  std::string source;  // "samples", "warm-up requests"
  std::vector<std::map<std::string, Tensor>> probes;
};

struct VerifySide {
  MetaGraph* meta = nullptr;
  // Before freezing: variables are read from the checkpoint by MetaGraph::restores.
  bool has_variables = false;
};

struct VerifyOptions {
  std::optional<uint64_t> probes;          // none: as many as fit the budget
  uint64_t budget = 2'000'000'000;         // operations
  VerifyBound bound;
  std::map<std::string, SampleSet> samples;  // by signature key; "" for any signature
};

class Verifier {
 public:
  // `frozen` may be null: the original in the result's normal form, for finding the first difference.
  // All must outlive the Verifier.
  Verifier(VerifySide original, VerifySide result, MetaGraph* frozen, VerifyOptions options);
  ~Verifier();

  Result<bool> step(Context& ctx);
  double progress() const;  // 0..1
  Verification take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace whittle

#endif  // WHITTLE_VERIFY_H_
