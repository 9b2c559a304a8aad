// rewriter.h: what passes of small rewrites share: which nodes may be touched, what is known about
// their values, and the walk to a fixed point.
//
//   class MyRules : public Rewriter { … };      rules().run() walks every graph of the model
//
// Visited    nodes that nobody feeds and that are not behind v1 control flow: there a value may be dead,
//            and its users' deadness is meaning.
// Touchable  those of them that nobody outside names (endpoints, init, assets) and that wait for nothing:
//            they may go. Others may become another op under their name.
// Known      constants that nobody feeds and that wait for nothing; static shapes with symbols.
// Booked     every rule by its own name: nodes and bytes that went, less those that came.
#ifndef WHITTLE_TRANSFORMS_REWRITER_H_
#define WHITTLE_TRANSFORMS_REWRITER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "constants.h"
#include "whittle/shapes.h"

namespace whittle {

class Rewriter {
 public:
  Rewriter(Model& model, const OwnedGraph& where, PassContext& pc);
  virtual ~Rewriter() = default;

  // Applies rules to every node, inputs first, until nothing changes. kNeedBytes at the end, when
  // the values of constants were missing; the graph is then to be put back.
  Status run();

 protected:
  // Tries every rule on one node; true when something changed (the node may be gone).
  virtual bool visit(NodeId id) = 0;

  const Node& node(NodeId id) const { return g_.node(id); }
  const Node& maker(OutputId v) const { return g_.node(v.node); }
  OutputId in(NodeId id, size_t k) const { return g_.node(id).inputs()[k]; }
  bool op_is(OutputId v, std::string_view op) const { return maker(v).op == op; }
  bool is_fed(NodeId id) const { return index_of(id) < fed_.size() && fed_[index_of(id)]; }
  bool touchable(NodeId id) const;
  // An `op` that computes what it says and waits for nothing: its users may read its inputs instead.
  bool plain(OutputId v, std::string_view op) const;
  // It, or something it needs, has an effect that must not get lost.
  bool has_effects(NodeId id) const { return index_of(id) < effect_.size() && effect_[index_of(id)]; }
  // Touchable, computes `op`, and nothing but one input of one node reads it.
  bool only_for(OutputId v, std::string_view op) const;
  size_t users(NodeId id) const { return g_.uses(id).size(); }

  // Constants, see above. `number` is the one value that every element has.
  const TensorRef* constant(OutputId v) const;
  std::optional<std::vector<int64_t>> ints(OutputId v);
  std::optional<double> number(OutputId v);
  const Shape& shape(OutputId v) const { return shapes_.of(v); }

  // Edits; the rule that made them is booked. A bypassed node's users read `by` instead of its
  // output 0 (false when it is not touchable). Each takes out what nobody uses any more.
  bool bypass(NodeId id, OutputId by, std::string_view rule);
  void sweep(std::vector<NodeId> ids, std::string_view rule);
  void set_inputs(NodeId id, const std::vector<OutputId>& inputs);
  OutputId add_constant(const TensorRef& value, std::string_view name, std::string_view rule);
  // Values that fit; `shape` is a vector of them unless it says otherwise. No node when memory is short:
  // run() then ends with that error, and the graph is put back.
  OutputId add_ints(const std::vector<int64_t>& values, DType dtype, std::string_view name, std::string_view rule,
                    Shape shape = Shape::unknown());

  Model& model_;
  MetaGraph& meta_;
  Graph& g_;
  PassContext& pc_;
  StaticShapes shapes_;

 private:
  bool steady(NodeId id) const { return index_of(id) >= unsteady_.size() || !unsteady_[index_of(id)]; }
  bool reads_reference(OutputId v) const;
  void mark(const std::vector<NodeId>& order);
  std::optional<Tensor> loaded(OutputId v, uint64_t most);

  const Function* owner_;
  std::vector<bool> pinned_, fed_, unsteady_, effect_;
  Status missing_;
};

// Runs `Rules` over all graphs of the model.
template <class Rules>
Status run_rules(Model& model, PassContext& pc) {
  WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
  Status missing;
  for (const OwnedGraph& where : graphs) {
    Rules rules(model, where, pc);
    Status s = rules.run();
    if (!s.ok() && s.error().code != Code::kNeedBytes) return s;
    if (!s.ok()) missing = std::move(s);
  }
  return missing;
}

}  // namespace whittle

#endif  // WHITTLE_TRANSFORMS_REWRITER_H_
