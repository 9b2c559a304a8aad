#include "examples.h"

#include <algorithm>
#include <cstring>

#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle::verify {
namespace {

constexpr size_t kMostNodes = 1000;       // looked at behind an input
constexpr uint64_t kMostFeatures = 10'000;
constexpr uint64_t kMostValues = 100'000;  // of one feature
constexpr uint64_t kSparseCount = 1;  // what a feature that is made dense may hold

// The strings of a constant; empty for anything else.
std::vector<std::string> strings_of(const Graph& g, OutputId value) {
  const Node& node = g.node(value.node);
  const AttrValue* attr = node.op == "Const" ? node.attrs.find("value") : nullptr;
  if (attr == nullptr || attr->tensor().empty() || attr->tensor().dtype() != DType::kString) return {};
  const TensorRef& t = attr->tensor();
  if (t.elements() > kMostFeatures) return {};
  if (t.kind() == TensorRef::Kind::kSplat) return std::vector<std::string>(static_cast<size_t>(t.elements()), t.splat_text());
  return t.kind() == TensorRef::Kind::kOwned ? t.tensor().strings() : std::vector<std::string>();
}

uint64_t count_of(const Shape& shape) {
  uint64_t n = 1;
  for (int64_t d : shape.dims) n = std::min(n * static_cast<uint64_t>(std::clamp<int64_t>(d, 1, 1'000'000)), kMostValues);
  return n;
}

// Keys come one a scalar input (ParseExample) or all in a vector (V2); types and shapes in attributes.
std::optional<ExampleSpec> spec_of(const Graph& g, const Node& node) {
  std::vector<std::string> sparse, dense;
  const std::vector<OutputId>& in = node.inputs();
  if (node.op == "ParseExampleV2") {
    if (in.size() < 5) return std::nullopt;
    sparse = strings_of(g, in[2]);
    dense = strings_of(g, in[3]);
  } else if (node.op == "ParseExample") {
    const uint64_t n_sparse = static_cast<uint64_t>(std::max<int64_t>(node.attrs.int_or("Nsparse", 0), 0));
    const uint64_t n_dense = static_cast<uint64_t>(std::max<int64_t>(node.attrs.int_or("Ndense", 0), 0));
    if (n_sparse > kMostFeatures || n_dense > kMostFeatures || in.size() < 2 + n_sparse + n_dense) return std::nullopt;
    for (size_t k = 0; k < n_sparse + n_dense; ++k) {
      std::vector<std::string> key = strings_of(g, in[2 + k]);
      (k < n_sparse ? sparse : dense).push_back(key.empty() ? "" : std::move(key[0]));
    }
  } else {
    return std::nullopt;
  }
  static const AttrValue kNone{};
  const auto list = [&](const char* name) -> const AttrList& {
    const AttrValue* attr = node.attrs.find(name);
    return (attr == nullptr ? kNone : *attr).list();
  };
  const AttrList &sparse_types = list("sparse_types"), &dense_types = list("Tdense"), &dense_shapes = list("dense_shapes");
  const auto type_at = [](const AttrList& l, size_t k) { return k < l.types.size() ? l.types[k] : DType::kFloat; };
  ExampleSpec spec;
  for (size_t k = 0; k < sparse.size(); ++k) spec.features.push_back({sparse[k], type_at(sparse_types, k), kSparseCount});
  for (size_t k = 0; k < dense.size(); ++k) {
    const uint64_t count = k < dense_shapes.shapes.size() ? count_of(dense_shapes.shapes[k]) : 1;
    spec.features.push_back({dense[k], type_at(dense_types, k), count});
  }
  return spec;
}

// BytesList, FloatList or Int64List, as the field of a Feature.
std::string feature_of(const ExampleFeature& f, int64_t ids, Random& random) {
  constexpr uint32_t kBytesList = 1, kFloatList = 2, kInt64List = 3, kValue = 1;
  WireWriter list, feature;
  std::string packed;
  for (uint64_t i = 0; i < f.count; ++i) {
    if (f.dtype == DType::kString) {
      const char letter = static_cast<char>('a' + random.below(26));
      list.bytes(kValue, std::string_view(&letter, 1));
    } else if (f.dtype == DType::kInt64) {
      append_varint(packed, random.below(static_cast<uint64_t>(ids)));
    } else {
      const float value = static_cast<float>(random.normal());
      char bytes[4];
      std::memcpy(bytes, &value, 4);
      packed.append(bytes, 4);
    }
  }
  if (!packed.empty()) list.bytes(kValue, packed);
  feature.bytes(f.dtype == DType::kString ? kBytesList : f.dtype == DType::kInt64 ? kInt64List : kFloatList, list.data());
  return feature.take();
}

}  // namespace

std::optional<ExampleSpec> find_example_parser(const MetaGraph& meta, OutputId input) {
  const Graph& g = meta.graph;
  if (!g.alive(input.node)) return std::nullopt;
  std::vector<NodeId> todo{input.node}, seen;
  while (!todo.empty() && seen.size() < kMostNodes) {
    const NodeId id = todo.back();
    todo.pop_back();
    if (std::find(seen.begin(), seen.end(), id) != seen.end()) continue;
    seen.push_back(id);
    for (const Use& use : g.uses(id)) {
      if (use.index == kControlUse) continue;
      if (use.index == 0) {
        if (std::optional<ExampleSpec> spec = spec_of(g, g.node(use.user))) return spec;
      }
      todo.push_back(use.user);
    }
  }
  return std::nullopt;
}

std::string make_example(const ExampleSpec& spec, int64_t ids, Random& random) {
  constexpr uint32_t kFeatures = 1, kFeature = 1, kKey = 1, kEntryValue = 2;
  WireWriter features, example;
  for (const ExampleFeature& f : spec.features) {
    WireWriter entry;
    entry.bytes(kKey, f.key);
    entry.bytes(kEntryValue, feature_of(f, ids, random));
    features.bytes(kFeature, entry.data());
  }
  example.bytes(kFeatures, features.data());
  return example.take();
}

}  // namespace whittle::verify
