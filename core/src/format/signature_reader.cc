#include "meta_reader.h"
#include "whittle/text.h"
#include "wire_views.h"

namespace whittle::format {
namespace {

constexpr std::string_view kInitKey = "__saved_model_init_op";
constexpr std::string_view kTrainKey = "__saved_model_train_op";
constexpr int kMaxNesting = 16;  // composite tensors in composite tensors

class InfoReader {
 public:
  InfoReader(const MetaGraph& meta, const ValueDecoder& values) : meta_(meta), values_(values) {}

  Result<TensorInfo> read(std::string_view proto, int depth) const {
    TensorInfo info;
    bool named = false;
    WHITTLE_CHECK(for_each_field(proto, [&](const WireField& field) -> Status {
      const std::string_view text = field.text();
      named = named || field.number == 1 || field.number == 4 || field.number == 5;
      switch (field.number) {
        case 1: return add(text, &info);
        case 2: info.dtype = static_cast<DType>(field.i32()); return {};
        case 3: {
          info.has_shape = true;
          WHITTLE_ASSIGN(info.shape, values_.shape(text));
          return {};
        }
        case 4: return read_sparse(text, &info);
        case 5: return read_composite(text, depth, &info);
        default: return {};
      }
    }));
    if (!named) return corrupt("it names no tensor");
    return info;
  }

 private:
  // Of the three forms the last one counts.
  static void start(TensorInfo::Encoding encoding, TensorInfo* info) {
    info->encoding = encoding;
    info->tensors.clear();
    info->components.clear();
  }

  Status add(std::string_view name, TensorInfo* info) const {
    start(TensorInfo::Encoding::kName, info);
    WHITTLE_ASSIGN(const OutputId value, find_tensor(meta_, name));
    info->tensors.push_back(value);
    return {};
  }

  Status read_sparse(std::string_view proto, TensorInfo* info) const {
    start(TensorInfo::Encoding::kCooSparse, info);
    for (uint32_t part = 1; part <= 3; ++part) {  // values, indices, dense shape
      WHITTLE_ASSIGN(const std::string_view name, bytes_field(proto, part));
      WHITTLE_ASSIGN(const OutputId value, find_tensor(meta_, name));
      info->tensors.push_back(value);
    }
    return {};
  }

  Status read_composite(std::string_view proto, int depth, TensorInfo* info) const {
    if (depth == kMaxNesting) return over_limit("composite tensors are nested too deeply");
    start(TensorInfo::Encoding::kComposite, info);
    WHITTLE_ASSIGN(info->type_spec, bytes_field(proto, 1));
    WHITTLE_ASSIGN(const std::vector<std::string_view> parts, bytes_fields(proto, 2));
    for (std::string_view part : parts) {
      WHITTLE_ASSIGN(TensorInfo component, read(part, depth + 1));
      info->components.push_back(std::move(component));
    }
    return {};
  }

  const MetaGraph& meta_;
  const ValueDecoder& values_;
};

Status read_info(std::string_view bytes, std::string_view what, const InfoReader& reader,
                 std::map<std::string, TensorInfo>* out) {
  WHITTLE_ASSIGN(const MapEntry entry, map_entry(bytes));
  const std::string place = cat(what, " ", printable(entry.key));
  if (!is_valid_utf8(entry.key)) return corrupt("the name is not UTF-8").in(place);
  WHITTLE_ASSIGN_IN(TensorInfo info, reader.read(entry.value, 0), place);
  if (!out->emplace(std::string(entry.key), std::move(info)).second) {
    return corrupt("it is there twice").in(place);
  }
  return {};
}

Result<Signature> read_signature(const MapEntry& entry, const InfoReader& reader) {
  Signature signature;
  signature.key = entry.key;
  std::vector<std::string_view> defaults;
  WHITTLE_CHECK(for_each_field(entry.value, [&](const WireField& field) -> Status {
    switch (field.number) {
      case 1: return read_info(field.text(), "input", reader, &signature.inputs);
      case 2: return read_info(field.text(), "output", reader, &signature.outputs);
      case 3: signature.method_name = field.text(); return {};
      case 4: defaults.push_back(field.text()); return {};
      default: return {};
    }
  }));
  if (!is_valid_utf8(signature.key) || !is_valid_utf8(signature.method_name)) {
    return corrupt("its name is not UTF-8");
  }
  for (std::string_view bytes : defaults) {
    WHITTLE_ASSIGN(const MapEntry value, map_entry(bytes));
    const std::string key(value.key);
    const std::string place = cat("default ", printable(key));
    if (signature.inputs.count(key) == 0) return corrupt("there is no such input").in(place);
    if (!signature.defaults.emplace(key, value.value).second) {
      return corrupt("it is there twice").in(place);
    }
  }
  return signature;
}

// Two input keys on one tensor work in C++ and in the v1 loader only; so did the original.
void warn_of_shared_inputs(const Signature& signature, Context& ctx) {
  std::map<OutputId, std::string> seen;
  for (const auto& [key, info] : signature.inputs) {
    for (OutputId value : info.tensors) {
      auto [it, fresh] = seen.emplace(value, key);
      if (fresh) continue;
      ctx.warn(cat("signature ", printable(signature.key), ": inputs ", printable(it->second),
                   " and ", printable(key),
                   " are one tensor, which tf.saved_model.load does not take"));
    }
  }
}

// The node that the init signature names, with or without a port.
Result<NodeId> init_node(std::string_view signature, const Graph& graph) {
  WHITTLE_ASSIGN(const std::vector<std::string_view> outputs, bytes_fields(signature, 2));
  for (std::string_view bytes : outputs) {
    WHITTLE_ASSIGN(const MapEntry entry, map_entry(bytes));
    if (entry.key != kInitKey) continue;
    WHITTLE_ASSIGN(const std::string_view name, bytes_field(entry.value, 1));
    const NodeId id = graph.find(name.substr(0, name.find(':')));
    if (id == kNoNode) return corrupt(cat("node ", printable(name), " does not exist"));
    return id;
  }
  return corrupt("it has no output of its own name");
}

}  // namespace

Status read_signatures(const MetaViews& views, MetaGraph* meta, Context& ctx) {
  const ValueDecoder values{LazyContents()};
  const InfoReader reader(*meta, values);
  std::map<std::string, Signature> signatures;
  for (std::string_view bytes : views.signatures) {
    WHITTLE_ASSIGN(const MapEntry entry, map_entry(bytes));
    const std::string place = cat("signature ", printable(entry.key));
    if (entry.key == kTrainKey) continue;
    if (entry.key == kInitKey) {
      WHITTLE_ASSIGN_IN(const NodeId init, init_node(entry.value, meta->graph), place);
      meta->init = {init};
      continue;
    }
    WHITTLE_ASSIGN_IN(Signature signature, read_signature(entry, reader), place);
    warn_of_shared_inputs(signature, ctx);
    if (!signatures.emplace(signature.key, std::move(signature)).second) {
      return corrupt("two signatures have this name").in(place);
    }
  }
  for (auto& [key, signature] : signatures) meta->signatures.push_back(std::move(signature));
  return {};
}

}  // namespace whittle::format
