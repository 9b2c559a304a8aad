// merge_duplicate_nodes: nodes that compute the same from the same become one; so do equal constants.
//
//   a = Const(1, 2)   b = Const(1, 2)             a = Const(1, 2)
//   u = Relu(a)       v = Relu(b)        becomes  u = Relu(a)
//   y = Add(u, v)                                 y = Add(u, u)
//
// Same      op, device, inputs, control inputs and attributes; defaults written out or not, the hints
//           _output_shapes, _class and _grappler… do not count; inputs of commutative ops in any order.
// Keeps     placeholders and arguments, stateful nodes and those of unknown ops, whoever takes a
//           resource or a reference, v1 control flow; names of endpoints (two equal endpoints both
//           stay). Of equal nodes the first stays, or the endpoint.
// Constants are compared by content, see content_ids.h.
// Fidelity  exact. Source: graph-transforms.md §6.14.
#include <algorithm>
#include <unordered_map>

#include "calls.h"
#include "constants.h"
#include "content_ids.h"
#include "whittle/text.h"

namespace whittle {
namespace {

constexpr int kMaxDepth = 16;

bool is_hint(std::string_view attr) {
  return attr == "_output_shapes" || attr == "_class" || attr.substr(0, 9) == "_grappler";
}

class Merger {
 public:
  Merger(MetaGraph& meta, ContentIds& contents) : meta_(meta), contents_(contents) {}

  Status run(Graph& g, Function* owner, Context& ctx) {
    g_ = &g;
    std::vector<bool> pinned = pinned_nodes(meta_, g, owner);
    WHITTLE_ASSIGN(const std::vector<NodeId> order, g.topological_order());
    class_of_.resize(g.capacity());
    for (size_t k = 0; k < class_of_.size(); ++k) class_of_[k] = static_cast<uint32_t>(k);
    std::unordered_map<std::string, NodeId> first;
    for (NodeId id : order) {
      WHITTLE_CHECK(ctx.check_cancelled());
      if (!mergeable(id)) continue;
      const auto [it, fresh] = first.emplace(key_of(id), id);
      if (fresh) continue;
      const NodeId other = it->second;
      class_of_[index_of(id)] = class_of_[index_of(other)];
      if (!pinned[index_of(id)]) {
        replace(id, other);
      } else if (!pinned[index_of(other)]) {
        replace(other, id);
        it->second = id;
      }
    }
    return {};
  }

 private:
  void replace(NodeId gone, NodeId by) {
    std::vector<Use> uses = g_->uses(gone);
    for (const Use& use : uses) {
      if (use.index != kControlUse) g_->set_input(use.user, use.index, {by, use.slot});
    }
    g_->replace_control_uses(gone, by);
    g_->remove(gone);
  }

  bool mergeable(NodeId id) {
    const Node& node = g_->node(id);
    const std::string& op = node.op;
    if (op == "_Arg" || op == "_Retval" || op.compare(0, 11, "Placeholder") == 0 || is_v1_control_flow(op)) return false;
    const OpSpec* spec = meta_.registry->find(op);
    if (spec == nullptr && !meta_.library.has(op)) return false;
    if (spec != nullptr) {
      for (const auto* args : {&spec->inputs, &spec->outputs}) {
        for (const ArgSpec& a : *args) {
          if (a.is_ref) return false;
        }
      }
    }
    if (is_stateful(meta_, node)) return false;
    for (OutputId input : node.inputs()) {
      if (base_dtype(value_dtype(meta_, *g_, input)) == DType::kResource) return false;
    }
    return true;
  }

  std::string key_of(NodeId id) {
    const Node& node = g_->node(id);
    const OpSpec* spec = meta_.registry->find(node.op);
    std::string key = cat(node.op, "\n", node.device, "\n");
    std::vector<std::pair<uint32_t, int32_t>> inputs;
    for (OutputId v : node.inputs()) inputs.emplace_back(class_of_[index_of(v.node)], v.slot);
    if (spec != nullptr && spec->is_commutative) std::sort(inputs.begin(), inputs.end());
    for (const auto& [c, slot] : inputs) key += cat(c, ":", slot, " ");
    std::vector<uint32_t> controls;
    for (NodeId c : node.controls()) controls.push_back(class_of_[index_of(c)]);
    std::sort(controls.begin(), controls.end());
    controls.erase(std::unique(controls.begin(), controls.end()), controls.end());
    for (uint32_t c : controls) key += cat("^", c, " ");
    append_attrs(key, node.attrs, spec, 0);
    key += node.unknown;
    return key;
  }

  static void append_text(std::string& key, std::string_view text) { key += cat(text.size(), ":", text, ";"); }

  static void append_shape(std::string& key, const Shape& s) {
    key += s.unknown_rank ? "?" : "";
    for (int64_t d : s.dims) key += cat(d, ",");
    key += ";";
  }

  template <class T>
  static void append_bits(std::string& key, const T& value) {
    key.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  void append_attrs(std::string& key, const AttrMap& attrs, const OpSpec* spec, int depth) {
    key += "{";
    for (const Attr& a : attrs) {
      if (is_hint(a.name) || (spec != nullptr && is_default_attr(*spec, a.name, a.value))) continue;
      append_text(key, a.name);
      append_value(key, a.value, depth);
    }
    key += "}";
  }

  void append_func(std::string& key, const FuncRef& f, int depth) {
    append_text(key, f.name);
    if (depth < kMaxDepth) append_attrs(key, f.attrs, nullptr, depth + 1);
    else key += cat("deep ", ++unique_);
  }

  void append_value(std::string& key, const AttrValue& v, int depth) {
    key += cat(static_cast<int>(v.kind()), " ");
    switch (v.kind()) {
      case AttrValue::Kind::kNone: break;
      case AttrValue::Kind::kString:
      case AttrValue::Kind::kPlaceholder:
      case AttrValue::Kind::kRaw: append_text(key, v.s()); break;
      case AttrValue::Kind::kInt: key += cat(v.i(), ";"); break;
      case AttrValue::Kind::kFloat: append_bits(key, v.f()); break;
      case AttrValue::Kind::kBool: key += v.b() ? "t" : "f"; break;
      case AttrValue::Kind::kType: key += cat(static_cast<int32_t>(v.type()), ";"); break;
      case AttrValue::Kind::kShape: append_shape(key, v.shape()); break;
      case AttrValue::Kind::kTensor: key += cat(contents_.id_of(v.tensor()), ";"); break;
      case AttrValue::Kind::kFunc: append_func(key, v.func(), depth); break;
      case AttrValue::Kind::kList: {
        const AttrList& l = v.list();
        for (const std::string& s : l.strings) append_text(key, s);
        for (int64_t i : l.ints) key += cat("i", i, ";");
        for (float f : l.floats) append_bits(key, f);
        for (bool b : l.bools) key += b ? "t" : "f";
        for (DType t : l.types) key += cat("t", static_cast<int32_t>(t), ";");
        for (const Shape& s : l.shapes) append_shape(key, s);
        for (const TensorRef& t : l.tensors) key += cat("c", contents_.id_of(t), ";");
        for (const FuncRef& f : l.funcs) append_func(key, f, depth);
        break;
      }
    }
  }

  MetaGraph& meta_;
  ContentIds& contents_;
  Graph* g_ = nullptr;
  std::vector<uint32_t> class_of_;
  uint64_t unique_ = 0;
};

class MergeDuplicateNodes final : public Pass {
 public:
  Status run(Model& model, PassContext& pc) override {
    WHITTLE_ASSIGN(const std::vector<OwnedGraph> graphs, all_graphs(model.meta));
    std::vector<const TensorRef*> refs;
    std::vector<std::string> names;
    for (const OwnedGraph& where : graphs) {
      for (NodeId id : where.graph->ids()) {
        const Node& node = where.graph->node(id);
        const AttrValue* value = node.op == "Const" ? node.attrs.find("value") : nullptr;
        if (value == nullptr || value->tensor().empty()) continue;
        refs.push_back(&value->tensor());
        names.push_back(node.name);
      }
    }
    ContentIds contents;
    WHITTLE_CHECK(contents.prepare(refs, names, pc));
    Merger merger(model.meta, contents);
    for (const OwnedGraph& where : graphs) {
      WHITTLE_CHECK(merger.run(*where.graph, where.owner, pc.ctx));
    }
    return {};
  }
};

constexpr std::string_view kAfter[] = {"freeze_variables"};

}  // namespace

extern const PassInfo merge_duplicate_nodes_info;
const PassInfo merge_duplicate_nodes_info{
    .name = "merge_duplicate_nodes",
    .summary = "Make equal nodes and equal constants one",
    .fidelity = Fidelity::kExact,
    .scope = Scope::kModel,
    .trigger_ops = {},
    .runs_after = kAfter,
    .options = {},
    .make = []() -> std::unique_ptr<Pass> { return std::make_unique<MergeDuplicateNodes>(); },
};

}  // namespace whittle
