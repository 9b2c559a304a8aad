#include "endpoints.h"

#include <algorithm>
#include <set>

#include "meta_reader.h"
#include "whittle/shapes.h"
#include "whittle/text.h"

namespace whittle::format {
namespace {

constexpr size_t kShown = 10;  // candidates in one sentence
// GraphDefs of older producers wrote an empty shape where they meant "unknown".
constexpr int32_t kShapesAreTrue = 24;

bool is_placeholder(const Node& node) {
  return node.op == "Placeholder" || node.op == "PlaceholderV2" ||
         node.op == "PlaceholderWithDefault";
}

// Ends of the graph that compute something: sinks, without the machinery of saving and training.
bool is_result(const MetaGraph& meta, NodeId id) {
  const Node& node = meta.graph.node(id);
  if (meta.graph.has_data_uses(id) || node.inputs().empty()) return false;
  if (meta.saver && node.name == meta.saver->restore_op) return false;
  for (std::string_view op : {"Assign", "AssignVariableOp", "SaveV2", "Assert"}) {
    if (node.op == op) return false;
  }
  return output_count(meta, node) != 0;
}

template <class Pick>
std::string candidates(const MetaGraph& meta, const Pick& pick) {
  std::string out;
  size_t count = 0;
  for (NodeId id : meta.graph.ids()) {
    if (!pick(id)) continue;
    if (++count <= kShown) out += cat(count == 1 ? "" : ", ", printable(meta.graph.node(id).name));
  }
  if (count > kShown) out += cat(" and ", count - kShown, " more");
  return count == 0 ? "none" : out;
}

Error no_signature(const MetaGraph& meta) {
  return invalid_argument(cat(
      "the model has no signature: name its inputs and outputs (candidates for inputs: ",
      candidates(meta, [&](NodeId id) { return is_placeholder(meta.graph.node(id)); }),
      "; for outputs: ", candidates(meta, [&](NodeId id) { return is_result(meta, id); }), ")"));
}

Result<OutputId> named_value(const MetaGraph& meta, const std::string& name,
                             std::string_view what) {
  Result<OutputId> value = find_tensor(meta, name);
  if (value.ok()) return value;
  return invalid_argument(value.error().message).in(cat(what, " ", printable(name)));
}

Shape shape_of(const MetaGraph& meta, OutputId value) {
  const Node& node = meta.graph.node(value.node);
  if (is_placeholder(node)) {
    const AttrValue* shape = node.attrs.find("shape");
    const bool given = shape != nullptr && shape->kind() == AttrValue::Kind::kShape;
    if (given && (shape->shape().rank() > 0 || meta.versions.producer >= kShapesAreTrue))
      return shape->shape();
    return Shape::unknown();
  }
  const AttrValue* shapes = node.attrs.find("_output_shapes");
  const auto slot = static_cast<size_t>(value.slot);
  if (shapes != nullptr && slot < shapes->list().shapes.size()) return shapes->list().shapes[slot];
  return Shape::unknown();
}

// The values of a small constant, for the shapes that follow from it.
std::optional<std::vector<int64_t>> small_ints(const Graph& g, OutputId value) {
  const Node& node = g.node(value.node);
  const AttrValue* attr = node.op == "Const" ? node.attrs.find("value") : nullptr;
  if (attr == nullptr || attr->tensor().kind() != TensorRef::Kind::kOwned) return std::nullopt;
  const Tensor& t = attr->tensor().tensor();
  std::vector<int64_t> out;
  if (t.elements() > 64) return std::nullopt;
  if (t.dtype() == DType::kInt32) {
    out.assign(t.values<int32_t>().begin(), t.values<int32_t>().end());
  } else if (t.dtype() == DType::kInt64) {
    out.assign(t.values<int64_t>().begin(), t.values<int64_t>().end());
  } else {
    return std::nullopt;
  }
  return out;
}

// What a signature says about values of the graph: what one of the model's own signatures says
// about the same tensor, else the node itself, else the static shapes of the whole graph.
class Infos {
 public:
  explicit Infos(const MetaGraph& meta) : meta_(meta) {}

  TensorInfo of(OutputId value) {
    for (const Signature& s : meta_.signatures) {
      for (const auto* side : {&s.inputs, &s.outputs}) {
        for (const auto& [key, info] : *side) {
          const bool same = info.encoding == TensorInfo::Encoding::kName && info.tensors[0] == value;
          if (same && info.has_shape && !info.shape.unknown_rank) return info;
        }
      }
    }
    TensorInfo info;
    info.tensors = {value};
    info.dtype = base_dtype(value_dtype(meta_, meta_.graph, value));
    info.shape = shape_of(meta_, value);
    if (info.shape.unknown_rank) info.shape = inferred(value);
    info.has_shape = true;
    return info;
  }

 private:
  Shape inferred(OutputId value) {
    if (!shapes_) {
      shapes_.emplace(meta_, meta_.graph, [this](OutputId v) { return small_ints(meta_.graph, v); });
      const Result<std::vector<NodeId>> order = meta_.graph.topological_order();
      if (order.ok()) {
        for (NodeId id : *order) shapes_->visit(id);
      }
    }
    return shapes_->of(value);
  }

  const MetaGraph& meta_;
  std::optional<StaticShapes> shapes_;
};

// A name that works as a keyword argument in Python, where signature inputs end.
std::string key_of(const MetaGraph& meta, OutputId value,
                   const std::map<std::string, TensorInfo>& taken) {
  std::string key = meta.graph.node(value.node).name;
  for (char& c : key) {
    const bool word =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!word) c = '_';
  }
  if (key[0] >= '0' && key[0] <= '9') key.insert(0, 1, '_');
  if (value.slot != 0) key += cat("_", value.slot);
  std::string unique = key;
  for (int k = 1; taken.count(unique) != 0; ++k) unique = cat(key, "_", k);
  return unique;
}

Result<Signature> named_signature(const ReadOptions& options, const MetaGraph& meta) {
  Signature signature;
  signature.key = "serving_default";
  signature.method_name = "tensorflow/serving/predict";
  Infos infos(meta);
  std::vector<NodeId> ends;
  std::set<OutputId> seen;
  for (const std::string& name : options.outputs) {
    WHITTLE_ASSIGN(const OutputId value, named_value(meta, name, "output"));
    if (output_count(meta, meta.graph.node(value.node)) == 0) {
      return invalid_argument("the node has no output").in(cat("output ", printable(name)));
    }
    ends.push_back(value.node);
    if (!seen.insert(value).second) continue;
    signature.outputs.emplace(key_of(meta, value, signature.outputs), infos.of(value));
  }
  std::vector<OutputId> inputs;
  for (const std::string& name : options.inputs) {
    WHITTLE_ASSIGN(const OutputId value, named_value(meta, name, "input"));
    inputs.push_back(value);
  }
  if (inputs.empty()) {
    const std::vector<bool> needed = reachable_from(meta.graph, ends);
    for (NodeId id : meta.graph.ids()) {
      const Node& node = meta.graph.node(id);
      // Not what has a default, nor what the loaders feed with the path of an asset.
      const bool feeds = is_placeholder(node) && node.op != "PlaceholderWithDefault" &&
                         std::none_of(meta.assets.begin(), meta.assets.end(),
                                      [&](const Asset& a) { return a.tensor.node == id; });
      if (needed[index_of(id)] && feeds) inputs.push_back({id, 0});
    }
  }
  seen.clear();
  for (OutputId value : inputs) {
    if (!seen.insert(value).second) continue;
    signature.inputs.emplace(key_of(meta, value, signature.inputs), infos.of(value));
  }
  return signature;
}

}  // namespace

Status choose_signatures(const ReadOptions& options, MetaGraph* meta) {
  if (!options.outputs.empty()) {
    WHITTLE_ASSIGN(Signature signature, named_signature(options, *meta));
    meta->signatures.clear();
    meta->signatures.push_back(std::move(signature));
    return {};
  }
  if (!options.inputs.empty()) return invalid_argument("inputs are named, but no outputs");
  for (const std::string& key : options.signatures) {
    const auto has_key = [&](const Signature& s) { return s.key == key; };
    if (std::any_of(meta->signatures.begin(), meta->signatures.end(), has_key)) continue;
    std::vector<std::string> keys;
    for (const Signature& s : meta->signatures) keys.push_back(printable(s.key));
    return not_found(cat("there is no signature ", printable(key),
                         "; the model has: ", keys.empty() ? "none" : join(keys, ", ")));
  }
  if (!options.signatures.empty()) {
    std::vector<Signature>& all = meta->signatures;
    all.erase(std::remove_if(all.begin(), all.end(),
                             [&](const Signature& s) {
                               const auto& wanted = options.signatures;
                               return std::find(wanted.begin(), wanted.end(), s.key) ==
                                      wanted.end();
                             }),
              all.end());
  }
  if (meta->signatures.empty() && options.need_signature) return no_signature(*meta);
  return {};
}

}  // namespace whittle::format
