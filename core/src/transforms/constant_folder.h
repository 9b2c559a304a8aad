// constant_folder.h: constant folding of one graph, in two walks.
//
//   forward    every value that can be known is computed, as a TensorRef: lazily where it only
//              changes shape, else with the kernels of eval
//   backward   a known node that something unknown needs becomes a Const, unless that would grow
//              the model; then it stays, and what it needs is looked at in turn
#ifndef WHITTLE_TRANSFORMS_CONSTANT_FOLDER_H_
#define WHITTLE_TRANSFORMS_CONSTANT_FOLDER_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "constants.h"
#include "whittle/shapes.h"

namespace whittle {

struct FoldLimits {
  std::vector<std::string> exclude_ops, exclude_nodes;
  uint64_t max_bytes = 10 << 20;
};

class ConstantFolder {
 public:
  ConstantFolder(MetaGraph& meta, const OwnedGraph& where, const FoldLimits& limits, PassContext& pc)
      : meta_(meta), where_(where), g_(*where.graph), limits_(limits), pc_(pc),
        shapes_(meta, *where.graph, [this](OutputId v) { return known_ints(v); }) {}

  // kNeedBytes after as much as possible was looked at; the graph is then unchanged.
  Status run();

 private:
  // What is known about the outputs of a node.
  struct Known {
    std::vector<TensorRef> values;
    std::vector<NodeId> controls;  // that a Const in its place has to wait for
  };

  static bool is_view(std::string_view op);      // the same elements, under another shape at most
  static bool is_shape_op(std::string_view op);
  Status look_at(NodeId id);
  Status forward(const std::vector<NodeId>& order);
  Status backward(const std::vector<NodeId>& order);
  bool excluded(const Node& node) const;
  bool foldable(NodeId id);
  bool keeps_codes(const Node& node) const;
  const TensorRef* known(OutputId value) const;
  bool gather_controls(NodeId id, std::vector<NodeId>* controls);
  void mark_effects(const std::vector<NodeId>& order);
  Result<std::vector<TensorRef>> compute(NodeId id);
  Result<std::vector<TensorRef>> lazy_view(NodeId id);
  Result<std::vector<TensorRef>> evaluate(NodeId id);
  Result<std::vector<TensorRef>> shape_values(NodeId id);
  bool picks_sizes(const Node& node) const;
  Result<std::vector<TensorRef>> picked_sizes(NodeId id);
  std::optional<std::vector<int64_t>> known_ints(OutputId value);
  void drop_control_uses();
  bool is_needed(NodeId id) const;
  uint64_t freed_with(NodeId id) const;
  bool grows(NodeId id);
  bool fold(NodeId id, std::vector<NodeId>* dead);
  void materialize(NodeId id);

  MetaGraph& meta_;
  OwnedGraph where_;
  Graph& g_;
  const FoldLimits& limits_;
  PassContext& pc_;
  bool framed_ = false;
  std::vector<bool> pinned_, fed_, effect_;
  std::vector<bool> kept_;              // known, but not folded
  std::map<uint32_t, Known> known_;     // by node; Consts too
  uint64_t held_ = 0;                   // bytes of computed values
  int64_t saved_ = 0;                   // bytes, by what was folded so far
  StaticShapes shapes_;
  Status missing_;                      // kNeedBytes of a constant that a shape depends on
};

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_CONSTANT_FOLDER_H_
