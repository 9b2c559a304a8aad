#include "meta_reader.h"
#include "whittle/text.h"

namespace whittle::format {
namespace {

constexpr std::string_view kInitKey = "__saved_model_init_op";
constexpr std::string_view kTrainKey = "__saved_model_train_op";
constexpr int kMaxNesting = 16;  // composite tensors in composite tensors

class InfoReader {
 public:
  InfoReader(const MetaGraph& meta, const ValueDecoder& values) : meta_(meta), values_(values) {}

  Result<TensorInfo> read(const pb::TensorInfo& proto, int depth) const {
    TensorInfo info;
    info.dtype = static_cast<DType>(proto.dtype());
    info.has_shape = proto.has_tensor_shape();
    if (info.has_shape) { WHITTLE_ASSIGN(info.shape, values_.shape(proto.tensor_shape())); }
    switch (proto.encoding_case()) {
      case pb::TensorInfo::kName: WHITTLE_CHECK(add(proto.name(), &info)); return info;
      case pb::TensorInfo::kCooSparse:
        info.encoding = TensorInfo::Encoding::kCooSparse;
        WHITTLE_CHECK(add(proto.coo_sparse().values_tensor_name(), &info));
        WHITTLE_CHECK(add(proto.coo_sparse().indices_tensor_name(), &info));
        WHITTLE_CHECK(add(proto.coo_sparse().dense_shape_tensor_name(), &info));
        return info;
      case pb::TensorInfo::kCompositeTensor:
        if (depth == kMaxNesting) return over_limit("composite tensors are nested too deeply");
        info.encoding = TensorInfo::Encoding::kComposite;
        info.type_spec = proto.composite_tensor().type_spec();
        for (const pb::TensorInfo& part : proto.composite_tensor().components()) {
          WHITTLE_ASSIGN(TensorInfo component, read(part, depth + 1));
          info.components.push_back(std::move(component));
        }
        return info;
      case pb::TensorInfo::ENCODING_NOT_SET: break;
    }
    return corrupt("it names no tensor");
  }

 private:
  Status add(const std::string& name, TensorInfo* info) const {
    WHITTLE_ASSIGN(const OutputId value, find_tensor(meta_, name));
    info->tensors.push_back(value);
    return {};
  }

  const MetaGraph& meta_;
  const ValueDecoder& values_;
};

template <class Entries>
Status read_infos(const Entries& entries, std::string_view what, const InfoReader& reader,
                  std::map<std::string, TensorInfo>* out) {
  for (const pb::TensorInfoEntry& entry : entries) {
    const std::string place = cat(what, " ", printable(entry.key()));
    if (!is_valid_utf8(entry.key())) return corrupt("the name is not UTF-8").in(place);
    WHITTLE_ASSIGN_IN(TensorInfo info, reader.read(entry.value(), 0), place);
    if (!out->emplace(entry.key(), std::move(info)).second)
      return corrupt("it is there twice").in(place);
  }
  return {};
}

Result<Signature> read_signature(const pb::SignatureEntry& entry, const InfoReader& reader) {
  const pb::Signature& proto = entry.value();
  Signature signature;
  signature.key = entry.key();
  signature.method_name = proto.method_name();
  if (!is_valid_utf8(signature.key) || !is_valid_utf8(signature.method_name)) {
    return corrupt("its name is not UTF-8");
  }
  WHITTLE_CHECK(read_infos(proto.inputs(), "input", reader, &signature.inputs));
  WHITTLE_CHECK(read_infos(proto.outputs(), "output", reader, &signature.outputs));
  for (const pb::StringEntry& value : proto.defaults()) {
    const std::string place = cat("default ", printable(value.key()));
    if (signature.inputs.count(value.key()) == 0)
      return corrupt("there is no such input").in(place);
    if (!signature.defaults.emplace(value.key(), value.value()).second) {
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
Result<NodeId> init_node(const pb::Signature& proto, const Graph& graph) {
  for (const pb::TensorInfoEntry& entry : proto.outputs()) {
    if (entry.key() != kInitKey) continue;
    const std::string_view name = entry.value().name();
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
    pb::SignatureEntry entry;
    if (!parse(bytes, &entry)) return corrupt("a signature is broken");
    const std::string place = cat("signature ", printable(entry.key()));
    if (entry.key() == kTrainKey) continue;
    if (entry.key() == kInitKey) {
      WHITTLE_ASSIGN_IN(const NodeId init, init_node(entry.value(), meta->graph), place);
      meta->init = {init};
      continue;
    }
    WHITTLE_ASSIGN_IN(Signature signature, read_signature(entry, reader), place);
    warn_of_shared_inputs(signature, ctx);
    if (!signatures.emplace(entry.key(), std::move(signature)).second) {
      return corrupt("two signatures have this name").in(place);
    }
  }
  for (auto& [key, signature] : signatures) meta->signatures.push_back(std::move(signature));
  return {};
}

}  // namespace whittle::format
