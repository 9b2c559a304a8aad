#include <algorithm>
#include <map>
#include <set>

#include "meta_reader.h"
#include "whittle/text.h"
#include "wire_views.h"

namespace whittle::format {
namespace {

constexpr std::string_view kVariableCollections[] = {"variables", "trainable_variables",
                                                     "local_variables", "model_variables"};

std::string_view before_port(std::string_view tensor_name) {
  return tensor_name.substr(0, tensor_name.find(':'));
}

// Relative, inside the folder, the same on every system.
bool is_safe_file_name(std::string_view name) {
  const bool drive = name.size() > 1 && name[1] == ':';
  if (name.empty() || name[0] == '/' || drive || !is_valid_utf8(name)) return false;
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '\\') return false;
  }
  for (std::string_view part : split(name, '/')) {
    if (part.empty() || part == "." || part == "..") return false;
  }
  return true;
}

class CollectionReader {
 public:
  CollectionReader(const std::vector<FileEntry>& files, const std::string& root, MetaGraph* meta)
      : meta_(meta) {
    const std::string folder = root + "assets/";
    for (size_t i = 0; i < files.size(); ++i) {
      const std::string_view path = files[i].path;
      if (path.substr(0, folder.size()) != folder) continue;
      asset_files_.emplace(path.substr(folder.size()), static_cast<FileId>(i));
    }
  }

  Status read(std::string_view bytes) {
    pb::CollectionEntry entry;
    if (!parse(bytes, &entry)) return corrupt("a collection is broken");
    const std::string& key = entry.key();
    const pb::Collection& value = entry.value();
    const std::string place = cat("collection ", printable(key));
    if (value.has_node_list()) {
      std::vector<std::string>& nodes = meta_->remainder.node_collections[key];
      nodes.insert(nodes.end(), value.node_list().value().begin(), value.node_list().value().end());
    }
    const bool variables =
        std::find(std::begin(kVariableCollections), std::end(kVariableCollections), key) !=
        std::end(kVariableCollections);
    if (variables && value.has_bytes_list()) {
      for (const std::string& item : value.bytes_list().value()) {
        pb::Variable variable;
        if (!parse(item, &variable)) return corrupt("it holds a broken VariableDef").in(place);
        meta_->remainder.variable_initializers.emplace(before_port(variable.variable_name()),
                                                       variable.initializer_name());
      }
    }
    if (key == "saved_model_assets" && value.has_any_list()) {
      for (const pb::Any& item : value.any_list().value())
        collected_assets_.push_back(item.value());
    }
    return {};
  }

  Status read_assets(const std::vector<std::string_view>& asset_file_defs) {
    std::vector<std::string_view> all = asset_file_defs;
    if (all.empty()) all.assign(collected_assets_.begin(), collected_assets_.end());
    for (std::string_view bytes : all) {
      pb::AssetFile proto;
      if (!parse(bytes, &proto)) return corrupt("an asset is broken");
      const std::string place = cat("asset ", printable(proto.filename()));
      if (!is_safe_file_name(proto.filename())) {
        return corrupt("the file name could leave the assets folder").in(place);
      }
      Asset asset;
      asset.filename = proto.filename();
      auto file = asset_files_.find(asset.filename);
      if (file == asset_files_.end())
        return not_found("the file is missing in the assets folder").in(place);
      asset.file = file->second;
      WHITTLE_ASSIGN_IN(asset.tensor, find_tensor(*meta_, proto.tensor_info().name()), place);
      meta_->assets.push_back(std::move(asset));
    }
    return {};
  }

  // Only when the init signature named none.
  Status read_init() {
    for (std::string_view key : {"saved_model_main_op", "legacy_init_op"}) {
      WHITTLE_ASSIGN(meta_->init, nodes_of(key));
      if (meta_->init.size() > 1) {
        return corrupt(cat("it names ", meta_->init.size(), " nodes, not one"))
            .in(cat("collection ", key));
      }
      if (!meta_->init.empty()) return {};
    }
    WHITTLE_ASSIGN(meta_->init, nodes_of("table_initializer"));
    return {};
  }

 private:
  Result<std::vector<NodeId>> nodes_of(std::string_view key) const {
    std::vector<NodeId> out;
    auto it = meta_->remainder.node_collections.find(std::string(key));
    if (it == meta_->remainder.node_collections.end()) return out;
    std::set<NodeId> seen;
    for (const std::string& name : it->second) {
      const NodeId id = meta_->graph.find(before_port(name));
      if (id == kNoNode) {
        return corrupt(cat("node ", printable(name), " does not exist"))
            .in(cat("collection ", key));
      }
      if (seen.insert(id).second) out.push_back(id);
    }
    return out;
  }

  MetaGraph* meta_;
  std::map<std::string_view, FileId> asset_files_;
  std::vector<std::string> collected_assets_;
};

}  // namespace

Status read_collections(const MetaViews& views, const std::vector<FileEntry>& files,
                        const std::string& root, MetaGraph* meta) {
  CollectionReader reader(files, root, meta);
  for (std::string_view bytes : views.collections) WHITTLE_CHECK(reader.read(bytes));
  WHITTLE_CHECK(reader.read_assets(views.assets));
  if (meta->init.empty()) WHITTLE_CHECK(reader.read_init());
  if (views.has_saver) {
    pb::Saver proto;
    if (!parse(views.saver, &proto)) return corrupt("the saver_def is broken");
    if (!proto.restore_op_name().empty()) {
      meta->saver = SaverInfo{proto.filename_tensor_name(), proto.save_tensor_name(),
                              proto.restore_op_name()};
    }
  }
  return {};
}

}  // namespace whittle::format
