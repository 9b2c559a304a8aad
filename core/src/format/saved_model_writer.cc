// Model → the files of a frozen SavedModel (formats.md §4.6), or of a bare GraphDef.
#include <algorithm>
#include <map>

#include "graph_writer.h"
#include "whittle/text.h"

namespace whittle {
namespace {

using format::GraphWriter;
using format::Pieces;

// TensorFlow's own limit is 2^31 - 1 bytes; this leaves it room to add its defaults again.
constexpr uint64_t kMaxFrozen = 1'900'000'000;
constexpr std::string_view kAssetType = "type.googleapis.com/tensorflow.AssetFileDef";

std::string tensor_name(const Graph& graph, OutputId value) {
  return cat(graph.node(value.node).name, ":", value.slot);
}

std::string meta_info_text(const Model& model, std::string_view op_list) {
  const MetaInfo& info = model.meta.info;
  WireWriter out;
  if (!info.meta_graph_version.empty()) out.bytes(1, info.meta_graph_version);
  if (!op_list.empty()) out.bytes(2, op_list);
  if (!info.any_info.empty()) out.bytes(3, info.any_info);
  for (const std::string& tag : info.tags) out.bytes(4, tag);
  if (info.tags.empty() && model.source == Model::Source::kGraphDef) out.bytes(4, "serve");
  if (!info.tensorflow_version.empty()) out.bytes(5, info.tensorflow_version);
  if (!info.tensorflow_git_version.empty()) out.bytes(6, info.tensorflow_git_version);
  out.varint(7, 1);  // default attributes are left out
  return out.take();
}

// Ascending field numbers, as every protobuf writer does: name, dtype, shape, sparse, composite.
std::string tensor_info_text(const TensorInfo& info, const Graph& graph) {
  WireWriter out;
  if (info.encoding == TensorInfo::Encoding::kName)
    out.bytes(1, tensor_name(graph, info.tensors[0]));
  if (info.dtype != DType::kInvalid) out.int64(2, static_cast<int64_t>(info.dtype));
  if (info.has_shape) out.bytes(3, format::encode_shape(info.shape));
  if (info.encoding == TensorInfo::Encoding::kCooSparse) {
    WireWriter sparse;
    for (uint32_t i = 0; i < 3; ++i) sparse.bytes(i + 1, tensor_name(graph, info.tensors[i]));
    out.bytes(4, sparse.data());
  }
  if (info.encoding == TensorInfo::Encoding::kComposite) {
    WireWriter composite;
    composite.bytes(1, info.type_spec);
    for (const TensorInfo& part : info.components)
      composite.bytes(2, tensor_info_text(part, graph));
    out.bytes(5, composite.data());
  }
  return out.take();
}

std::string entry_text(std::string_view key, std::string_view value) {
  WireWriter out;
  out.bytes(1, key);
  out.bytes(2, value);
  return out.take();
}

std::string signature_text(const Signature& signature, const Graph& graph) {
  WireWriter out;
  for (const auto& [key, info] : signature.inputs)
    out.bytes(1, entry_text(key, tensor_info_text(info, graph)));
  for (const auto& [key, info] : signature.outputs)
    out.bytes(2, entry_text(key, tensor_info_text(info, graph)));
  if (!signature.method_name.empty()) out.bytes(3, signature.method_name);
  for (const auto& [key, value] : signature.defaults) out.bytes(4, entry_text(key, value));
  return out.take();
}

std::string asset_text(const Asset& asset, const Graph& graph) {
  WireWriter info;
  info.bytes(1, tensor_name(graph, asset.tensor));
  WireWriter out;
  out.bytes(1, info.data());
  out.bytes(2, asset.filename);
  return out.take();
}

// saved_model_assets is what TensorFlow 1 reads; saved_model_main_op runs at load, in every loader.
void write_collections(const MetaGraph& meta, const std::string& init_node, WireWriter* out) {
  if (!meta.assets.empty()) {
    WireWriter list;
    for (const Asset& asset : meta.assets)
      list.bytes(1, entry_text(kAssetType, asset_text(asset, meta.graph)));
    WireWriter collection;
    collection.bytes(5, list.data());
    out->bytes(4, entry_text("saved_model_assets", collection.data()));
  }
  if (!init_node.empty()) {
    WireWriter list;
    list.bytes(1, init_node);
    WireWriter collection;
    collection.bytes(1, list.data());
    out->bytes(4, entry_text("saved_model_main_op", collection.data()));
  }
}

Result<PlannedFile> finish(std::string path, Pieces pieces) {
  PlannedFile file;
  file.path = std::move(path);
  file.size = pieces.size();
  if (file.size > kMaxFrozen) {
    return over_limit(cat("the frozen graph takes ", human_bytes(file.size),
                          ", and TensorFlow reads at most 2 GB of it"))
        .in(printable(file.path));
  }
  file.segments = pieces.take();
  return file;
}

PlannedFile copy_of(std::string path, FileId id, uint64_t size) {
  PlannedFile file;
  file.path = std::move(path);
  file.size = size;
  if (size == 0) return file;
  PlannedSegment segment;
  segment.kind = PlannedSegment::Kind::kCopy;
  segment.size = size;
  segment.copy = {id, 0, size};
  file.segments.push_back(std::move(segment));
  return file;
}

// Assets that the model still names, and everything in assets.extra.
std::vector<PlannedFile> copied_files(const Model& model, const std::vector<FileEntry>& files,
                                      const std::string& root) {
  std::map<std::string, FileId> chosen;
  for (const Asset& asset : model.meta.assets)
    chosen.emplace("assets/" + asset.filename, asset.file);
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string& path = files[i].path;
    const std::string extra = root + "assets.extra/";
    if (path.compare(0, extra.size(), extra) != 0) continue;
    chosen.emplace(path.substr(root.size()), static_cast<FileId>(i));
  }
  std::vector<PlannedFile> out;
  for (const auto& [path, id] : chosen)
    out.push_back(copy_of(path, id, files[static_cast<size_t>(id)].size));
  return out;
}

}  // namespace

Result<std::vector<PlannedFile>> plan_saved_model(const Model& model,
                                                  const std::vector<FileEntry>& files,
                                                  const std::string& root,
                                                  const WriteOptions& options, Context& ctx) {
  GraphWriter writer(model.meta, options, ctx);
  WHITTLE_ASSIGN(Pieces graph_def, writer.graph_def(true));
  WHITTLE_ASSIGN(const std::string op_list, writer.op_list());

  Pieces meta;
  WireWriter head;
  head.bytes(1, meta_info_text(model, op_list));
  meta.literal(head.data());
  meta.nest(2, std::move(graph_def));
  WireWriter tail;
  write_collections(model.meta, writer.init_node(), &tail);
  for (const Signature& signature : model.meta.signatures) {
    tail.bytes(5, entry_text(signature.key, signature_text(signature, model.meta.graph)));
  }
  for (const Asset& asset : model.meta.assets) tail.bytes(6, asset_text(asset, model.meta.graph));
  meta.literal(tail.data());

  Pieces saved_model;
  WireWriter version;
  version.varint(1, 1);
  saved_model.literal(version.data());
  saved_model.nest(2, std::move(meta));

  std::vector<PlannedFile> out = copied_files(model, files, root);
  WHITTLE_ASSIGN(PlannedFile graph, finish("saved_model.pb", std::move(saved_model)));
  out.push_back(std::move(graph));
  return out;
}

Result<PlannedFile> plan_graph_def(const Model& model, const std::string& path,
                                   const WriteOptions& options, Context& ctx) {
  GraphWriter writer(model.meta, options, ctx);
  WHITTLE_ASSIGN(Pieces graph_def, writer.graph_def(false));
  if (!model.meta.init.empty()) {
    ctx.warn(
        "a bare graph says nothing about initialization: whoever loads it must run the init nodes, "
        "or its tables stay empty");
  }
  if (!model.meta.assets.empty()) {
    ctx.warn("a bare graph has no assets: whoever loads it must feed the paths of the asset files");
  }
  return finish(path, std::move(graph_def));
}

}  // namespace whittle
