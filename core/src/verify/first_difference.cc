#include "first_difference.h"

#include <algorithm>

#include "metrics.h"

namespace whittle::verify {
namespace {

constexpr size_t kFetched = 24;

bool begins(std::string_view text, std::string_view with) { return text.compare(0, with.size(), with) == 0; }

bool keeps_its_value(std::string_view op) {
  for (std::string_view changed : {"Const", "Conv", "Depthwise", "MatMul", "BatchMatMul", "Mul", "Add", "Sub", "BiasAdd",
                                   "FusedBatchNorm", "BatchNorm", "Placeholder", "Identity", "Reshape", "Transpose", "Cast"}) {
    if (begins(op, changed)) return false;
  }
  return true;
}

}  // namespace

DifferenceSearch::DifferenceSearch(MetaGraph& original, MetaGraph& result, const std::vector<Feed>& original_feeds,
                                   const std::vector<Feed>& result_feeds, const std::vector<OutputId>& fetches, VerifyBound bound)
    : original_({&original, false}), result_({&result, false}), original_feeds_(original_feeds),
      result_feeds_(result_feeds), bound_(bound) {
  std::vector<NodeId> roots;
  for (const OutputId& f : fetches) roots.push_back(f.node);
  const std::vector<bool> reached = reachable_from(result.graph, roots);
  const Result<std::vector<NodeId>> order = result.graph.topological_order();
  if (!order.ok()) return;
  for (NodeId id : order.value()) {
    if (!reached[index_of(id)]) continue;
    const Node& node = result.graph.node(id);
    const NodeId other = original.graph.find(node.name);
    if (other == kNoNode || original.graph.node(other).op != node.op || !keeps_its_value(node.op)) continue;
    const DType t = value_dtype(result, result.graph, {id, 0});
    if (t != DType::kFloat && t != DType::kHalf && t != DType::kDouble) continue;
    nodes_.push_back({other, id});
  }
  to_ = nodes_.size();
  over_ = nodes_.empty();
}

Status DifferenceSearch::begin_round(Context& ctx) {
  if (!running_) {
    asked_.clear();
    const size_t count = std::min(kFetched, to_ - from_);
    for (size_t k = 0; k < count; ++k) asked_.push_back(from_ + (k + 1) * (to_ - from_) / count - 1);
    std::vector<OutputId> a, b;
    for (size_t k : asked_) {
      a.push_back({nodes_[k].original, 0});
      b.push_back({nodes_[k].result, 0});
    }
    WHITTLE_CHECK(original_.start({original_feeds_}, a, ctx));
    WHITTLE_CHECK(result_.start({result_feeds_}, b, ctx));
    running_ = true;
    original_done_ = false;
  }
  return {};
}

void DifferenceSearch::end_round() {
  const std::vector<std::vector<Tensor>> a = original_.results(), b = result_.results();
  running_ = false;
  over_ = true;
  size_t agreed = from_;
  for (size_t k = 0; k < asked_.size(); ++k) {
    OutputMetrics metrics("");
    metrics.add(a[0][k], b[0][k]);
    const OutputComparison c = metrics.finish(bound_);
    if (!c.missed) {
      agreed = asked_[k] + 1;
      continue;
    }
    const Node& node = result_.meta().graph.node(nodes_[asked_[k]].result);
    found_ = FirstDifference{node.name, node.op, c.relative_error, c.sqnr_db};
    over_ = asked_[k] <= agreed;  // nothing lies between
    from_ = agreed;
    to_ = asked_[k] + 1;
    return;
  }
}

Result<bool> DifferenceSearch::step(Context& ctx) {
  const auto attempt = [&]() -> Status {
    WHITTLE_CHECK(original_.initialize(ctx));
    WHITTLE_CHECK(result_.initialize(ctx));
    WHITTLE_CHECK(begin_round(ctx));
    if (!original_done_) {
      WHITTLE_ASSIGN(original_done_, original_.step(ctx, UINT64_MAX));
      return {};
    }
    WHITTLE_ASSIGN(const bool done, result_.step(ctx, UINT64_MAX));
    if (done) end_round();
    return {};
  };
  if (!over_) {
    Status status = attempt();
    if (!status.ok()) {
      const Code code = status.error().code;
      if (code == Code::kNeedBytes || code == Code::kCancelled) return status.take_error();
      over_ = true;
    }
  }
  return over_;
}

}  // namespace whittle::verify
