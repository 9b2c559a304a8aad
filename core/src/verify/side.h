// side.h: one of the two models: its evaluator, and the runs of a set of probes.
#ifndef WHITTLE_VERIFY_SIDE_H_
#define WHITTLE_VERIFY_SIDE_H_

#include <memory>
#include <vector>

#include "whittle/evaluator.h"
#include "whittle/verify.h"

namespace whittle::verify {

class Side {
 public:
  explicit Side(VerifySide side);

  // Tables and variables; restartable.
  Status initialize(Context& ctx);
  // Opens one run a set of feeds. The runs advance in turn, so that each weight is asked for once.
  Status start(const std::vector<std::vector<Feed>>& feeds, const std::vector<OutputId>& fetches, Context& ctx);
  // A bounded piece of work; true when all runs are done. kLimit once one took more than `most` operations.
  Result<bool> step(Context& ctx, uint64_t most);
  std::vector<std::vector<Tensor>> results();
  // Ends all runs; what they drew of random numbers says nothing of later ones.
  void abandon();
  void drop_weights() { evaluator_->drop_weights(); }
  uint64_t operations() const;
  bool drew_random_numbers() const { return evaluator_->drew_random_numbers(); }
  MetaGraph& meta() { return *side_.meta; }

 private:
  void renew();

  VerifySide side_;
  std::unique_ptr<Evaluator> evaluator_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<bool> done_;
  size_t next_ = 0;
};

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_SIDE_H_
