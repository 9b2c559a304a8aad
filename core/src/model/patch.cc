#include "whittle/patch.h"

#include <cassert>

#include "whittle/text.h"

namespace whittle {
namespace {

// Ids of nodes that a patch adds, until apply() gives them real ones.
constexpr uint32_t kNewBase = 0x80000000u;

}  // namespace

NodeId Patch::add(std::string name, std::string op, std::vector<OutputId> inputs, AttrMap attrs,
                  std::vector<NodeId> controls) {
  uint32_t added = 0;
  for (const Edit& e : edits_) added += e.kind == Edit::Kind::kAdd ? 1 : 0;
  Edit e;
  e.kind = Edit::Kind::kAdd;
  e.node = static_cast<NodeId>(kNewBase + added);
  e.name = std::move(name);
  e.op = std::move(op);
  e.values = std::move(inputs);
  e.attrs = std::move(attrs);
  e.controls = std::move(controls);
  edits_.push_back(std::move(e));
  return edits_.back().node;
}

void Patch::replace_uses(OutputId from, OutputId to) {
  Edit e;
  e.kind = Edit::Kind::kReplaceUses;
  e.from = from;
  e.to = to;
  edits_.push_back(std::move(e));
}

void Patch::replace_node(NodeId node, std::vector<OutputId> values) {
  Edit e;
  e.kind = Edit::Kind::kReplaceNode;
  e.node = node;
  e.values = std::move(values);
  edits_.push_back(std::move(e));
}

void Patch::replace_keeping_name(NodeId node, NodeId by) {
  Edit e;
  e.kind = Edit::Kind::kReplaceKeepingName;
  e.node = node;
  e.other = by;
  edits_.push_back(std::move(e));
}

void Patch::bypass(NodeId node, OutputId value) {
  Edit e;
  e.kind = Edit::Kind::kBypass;
  e.node = node;
  e.to = value;
  edits_.push_back(std::move(e));
}

void Patch::set_input(NodeId node, int index, OutputId value) {
  Edit e;
  e.kind = Edit::Kind::kSetInput;
  e.node = node;
  e.index = index;
  e.to = value;
  edits_.push_back(std::move(e));
}

void Patch::set_attr(NodeId node, std::string name, AttrValue value) {
  Edit e;
  e.kind = Edit::Kind::kSetAttr;
  e.node = node;
  e.name = std::move(name);
  e.value = std::move(value);
  edits_.push_back(std::move(e));
}

void Patch::remove_control(NodeId node, NodeId before) {
  Edit e;
  e.kind = Edit::Kind::kRemoveControl;
  e.node = node;
  e.other = before;
  edits_.push_back(std::move(e));
}

void Patch::remove_if_unused(NodeId node) {
  Edit e;
  e.kind = Edit::Kind::kRemoveIfUnused;
  e.node = node;
  edits_.push_back(std::move(e));
}

namespace {

// One application: maps the patch's ids to real ones and does the edits on a graph.
class Application {
 public:
  Application(Model& model, Graph& g, bool main) : model_(model), g_(g), main_(main) {}

  NodeId real(NodeId id) const {
    if (index_of(id) < kNewBase) return id;
    const uint32_t k = index_of(id) - kNewBase;
    return k < added_.size() ? added_[k] : kNoNode;
  }
  OutputId real(OutputId v) const { return {real(v.node), v.slot}; }

  Status known(NodeId id) const {
    if (real(id) == kNoNode || !g_.alive(real(id))) return internal_error("patch names a node that is gone");
    return {};
  }
  Status known(OutputId v) const {
    WHITTLE_CHECK(known(v.node));
    const int count = output_count(model_.meta, g_.node(real(v.node)));
    if (v.slot < 0 || (count >= 0 && v.slot >= count)) return internal_error("patch names a slot that is not there");
    return {};
  }
  // Same dtype as far as both are known.
  Status same_dtype(OutputId a, OutputId b) const {
    const DType x = base_dtype(value_dtype(model_.meta, g_, real(a)));
    const DType y = base_dtype(value_dtype(model_.meta, g_, real(b)));
    if (x != DType::kInvalid && y != DType::kInvalid && x != y) {
      return internal_error(cat("patch would replace ", dtype_name(x), " by ", dtype_name(y)))
          .in(cat("node ", printable(g_.node(real(a).node).name)));
    }
    return {};
  }

  void redirect(OutputId from, OutputId to) {
    g_.replace_uses(from, to);
    if (!main_) return;
    for_each_endpoint(model_.meta, [&](OutputId& v) { if (v == from) v = to; });
  }

  bool used(NodeId id) {
    if (!g_.uses(id).empty()) return true;
    if (!main_) return pinned_in_function(id);
    bool found = false;
    for_each_endpoint(model_.meta, [&](OutputId& v) { found = found || v.node == id; });
    for (NodeId n : model_.meta.init) found = found || n == id;
    return found;
  }

  // Removes `id` and what only it used, iteratively. Function arguments and returns stay.
  void sweep(NodeId id) {
    std::vector<NodeId> stack{id};
    while (!stack.empty()) {
      const NodeId n = stack.back();
      stack.pop_back();
      if (!g_.alive(n) || used(n) || g_.node(n).op == "_Arg" || g_.node(n).op == "_Retval") continue;
      if (g_.node(n).op == "Placeholder") continue;
      for (OutputId input : g_.node(n).inputs()) stack.push_back(input.node);
      for (NodeId control : g_.node(n).controls()) stack.push_back(control);
      g_.remove(n);
    }
  }

  void set_function(Function* f) { function_ = f; }
  std::vector<NodeId> added_;

 private:
  bool pinned_in_function(NodeId id) const {
    if (function_ == nullptr) return false;
    for (const auto& [name, node] : function_->control_rets) {
      if (node == id) return true;
    }
    return false;
  }

  Model& model_;
  Graph& g_;
  bool main_;
  Function* function_ = nullptr;
};

}  // namespace

Status Patch::apply(Model& model) const {
  Function* function = nullptr;
  if (!graph_.main()) {
    WHITTLE_ASSIGN(function, model.meta.library.get_mutable(graph_.function));
  }
  Graph& g = function != nullptr ? function->body : model.meta.graph;
  Application app(model, g, function == nullptr);
  app.set_function(function);

  // New nodes come first in edits_ and may only name nodes before them.
  for (const Edit& e : edits_) {
    if (e.kind == Edit::Kind::kAdd) continue;
    if (e.node != kNoNode && index_of(e.node) < kNewBase) WHITTLE_CHECK(app.known(e.node));
  }
  for (const Edit& e : edits_) {
    switch (e.kind) {
      case Edit::Kind::kAdd: {
        const NodeId id = g.add(g.unique_name(e.name), e.op);
        g.mutable_node(id).attrs = e.attrs;
        for (OutputId input : e.values) {
          assert(app.known(input).ok());
          g.add_input(id, app.real(input));
        }
        for (NodeId control : e.controls) g.add_control(id, app.real(control));
        app.added_.push_back(id);
        break;
      }
      case Edit::Kind::kReplaceUses:
        WHITTLE_CHECK(app.known(e.from));
        WHITTLE_CHECK(app.known(e.to));
        WHITTLE_CHECK(app.same_dtype(e.from, e.to));
        app.redirect(app.real(e.from), app.real(e.to));
        break;
      case Edit::Kind::kReplaceNode: {
        const NodeId node = app.real(e.node);
        for (size_t k = 0; k < e.values.size(); ++k) {
          const OutputId from{node, static_cast<int32_t>(k)};
          if (e.values[k].node == kNoNode) continue;
          WHITTLE_CHECK(app.known(e.values[k]));
          WHITTLE_CHECK(app.same_dtype(from, e.values[k]));
          app.redirect(from, app.real(e.values[k]));
        }
        if (!e.values.empty() && e.values[0].node != kNoNode) {
          g.replace_control_uses(node, app.real(e.values[0]).node);
        }
        app.sweep(node);
        break;
      }
      case Edit::Kind::kReplaceKeepingName: {
        const NodeId node = app.real(e.node);
        const NodeId by = app.real(e.other);
        WHITTLE_CHECK(app.known(by));
        const std::string name = g.node(node).name;
        const int count = output_count(model.meta, g.node(by));
        for (int k = 0; k < (count < 0 ? 1 : count); ++k) {
          WHITTLE_CHECK(app.same_dtype({node, k}, {by, k}));
          app.redirect({node, k}, {by, k});
        }
        g.replace_control_uses(node, by);
        for (NodeId& n : model.meta.init) {
          if (function == nullptr && n == node) n = by;
        }
        if (function != nullptr) {
          for (auto& [key, n] : function->control_rets) {
            if (n == node) n = by;
          }
        }
        g.rename(node, g.unique_name(cat(name, "/replaced")));
        g.rename(by, name);
        app.sweep(node);
        break;
      }
      case Edit::Kind::kBypass: {
        const NodeId node = app.real(e.node);
        WHITTLE_CHECK(app.known(e.to));
        const OutputId to = app.real(e.to);
        WHITTLE_CHECK(app.same_dtype({node, 0}, e.to));
        const std::vector<NodeId> controls = g.node(node).controls();
        std::vector<NodeId> users;
        for (const Use& use : g.uses(node)) users.push_back(use.user);
        for (NodeId user : users) {
          for (NodeId control : controls) g.add_control(user, control);
        }
        app.redirect({node, 0}, to);
        g.replace_control_uses(node, to.node);
        app.sweep(node);
        break;
      }
      case Edit::Kind::kSetInput: {
        WHITTLE_CHECK(app.known(e.to));
        const NodeId node = app.real(e.node);
        if (e.index < 0 || static_cast<size_t>(e.index) >= g.node(node).inputs().size()) {
          return internal_error("patch names an input that is not there");
        }
        const OutputId before = g.node(node).inputs()[static_cast<size_t>(e.index)];
        g.set_input(node, e.index, app.real(e.to));
        app.sweep(before.node);
        break;
      }
      case Edit::Kind::kSetAttr:
        g.mutable_node(app.real(e.node)).attrs.set(e.name, e.value);
        break;
      case Edit::Kind::kRemoveControl:
        g.remove_control(app.real(e.node), app.real(e.other));
        break;
      case Edit::Kind::kRemoveIfUnused:
        app.sweep(app.real(e.node));
        break;
    }
  }
  return {};
}

}  // namespace whittle
