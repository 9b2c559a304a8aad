// first_difference.h: where two models part, by the nodes that both have under one name.
//
// Values of up to kFetched nodes, evenly spaced in the order of execution, are computed in both models; then
// the same between the last that agrees and the first that does not, until they are neighbours. Only
// nodes whose value a fold leaves alone are asked: a convolution that took over a batch norm gives
// something else under its old name.
#ifndef WHITTLE_VERIFY_FIRST_DIFFERENCE_H_
#define WHITTLE_VERIFY_FIRST_DIFFERENCE_H_

#include <optional>
#include <vector>

#include "side.h"
#include "whittle/verification.h"

namespace whittle::verify {

class DifferenceSearch {
 public:
  // `fetches`: what the result's signature fetches; `bound` says what counts.
  DifferenceSearch(MetaGraph& original, MetaGraph& result, const std::vector<Feed>& original_feeds,
                   const std::vector<Feed>& result_feeds, const std::vector<OutputId>& fetches, VerifyBound bound);

  // Restartable; true when found() is final. Whatever fails ends the search without a find.
  Result<bool> step(Context& ctx);
  const std::optional<FirstDifference>& found() const { return found_; }

 private:
  Status begin_round(Context& ctx);
  void end_round();

  Side original_, result_;
  std::vector<Feed> original_feeds_, result_feeds_;
  VerifyBound bound_;
  struct Pair { NodeId original, result; };
  std::vector<Pair> nodes_;       // in order of execution
  size_t from_ = 0, to_ = 0;      // candidates: [from_, to_)
  std::vector<size_t> asked_;
  bool running_ = false, original_done_ = false, over_ = false;
  std::optional<FirstDifference> found_;
};

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_FIRST_DIFFERENCE_H_
