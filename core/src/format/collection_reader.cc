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
    WHITTLE_ASSIGN(const MapEntry entry, map_entry(bytes));
    return for_each_field(entry.value, [&](const WireField& field) -> Status {
      if (field.number != 1 && field.number != 2 && field.number != 5) return {};
      WHITTLE_ASSIGN(const std::vector<std::string_view> items, bytes_fields(field.text(), 1));
      switch (field.number) {
        case 1: {  // node_list
          std::vector<std::string>& nodes =
              meta_->remainder.node_collections[std::string(entry.key)];
          nodes.insert(nodes.end(), items.begin(), items.end());
          return {};
        }
        case 2: return read_variables(entry.key, items);  // bytes_list
        default: return read_any_list(entry.key, items);
      }
    });
  }

  Status read_assets(const std::vector<std::string_view>& asset_file_defs) {
    for (std::string_view bytes : asset_file_defs.empty() ? collected_assets_ : asset_file_defs) {
      WHITTLE_ASSIGN(const std::string_view tensor_info, bytes_field(bytes, 1));
      WHITTLE_ASSIGN(const std::string_view tensor, bytes_field(tensor_info, 1));
      WHITTLE_ASSIGN(const std::string_view filename, bytes_field(bytes, 2));
      const std::string place = cat("asset ", printable(filename));
      if (!is_safe_file_name(filename)) {
        return corrupt("the file name could leave the assets folder").in(place);
      }
      Asset asset;
      asset.filename = filename;
      auto file = asset_files_.find(filename);
      if (file == asset_files_.end()) {
        return not_found("the file is missing in the assets folder").in(place);
      }
      asset.file = file->second;
      WHITTLE_ASSIGN_IN(asset.tensor, find_tensor(*meta_, tensor), place);
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
  // VariableDefs.
  Status read_variables(std::string_view key, const std::vector<std::string_view>& items) {
    if (std::find(std::begin(kVariableCollections), std::end(kVariableCollections), key) ==
        std::end(kVariableCollections)) {
      return {};
    }
    for (std::string_view item : items) {
      WHITTLE_ASSIGN(const std::string_view variable, bytes_field(item, 1));
      WHITTLE_ASSIGN(const std::string_view initializer, bytes_field(item, 2));
      meta_->remainder.variable_initializers.emplace(before_port(variable), initializer);
    }
    return {};
  }

  Status read_any_list(std::string_view key, const std::vector<std::string_view>& items) {
    if (key != "saved_model_assets") return {};
    for (std::string_view item : items) {
      WHITTLE_ASSIGN(const std::string_view asset, bytes_field(item, 2));
      collected_assets_.push_back(asset);
    }
    return {};
  }

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
  std::vector<std::string_view> collected_assets_;
};

}  // namespace

Status read_collections(const MetaViews& views, const std::vector<FileEntry>& files,
                        const std::string& root, MetaGraph* meta) {
  CollectionReader reader(files, root, meta);
  for (std::string_view bytes : views.collections) WHITTLE_CHECK(reader.read(bytes));
  WHITTLE_CHECK(reader.read_assets(views.assets));
  if (meta->init.empty()) WHITTLE_CHECK(reader.read_init());
  SaverInfo saver;
  WHITTLE_CHECK(for_each_field(views.saver, [&](const WireField& field) -> Status {
    if (field.is(1, WireType::kBytes)) saver.filename_tensor = field.text();
    if (field.is(2, WireType::kBytes)) saver.save_tensor = field.text();
    if (field.is(3, WireType::kBytes)) saver.restore_op = field.text();
    return {};
  }));
  if (!saver.restore_op.empty()) meta->saver = std::move(saver);
  return {};
}

// Endpoints: functions that hang on the root object under a public name.
Status read_object_graph(std::string_view bytes, Remainder* remainder) {
  WHITTLE_ASSIGN(const std::vector<std::string_view> objects, bytes_fields(bytes, 1));
  std::vector<bool> is_function(objects.size(), false);
  for (size_t i = 0; i < objects.size(); ++i) {
    WHITTLE_CHECK(for_each_field(objects[i], [&](const WireField& field) -> Status {
      // function and bare_concrete_function; user_object with its identifier
      if (field.number == 6 || field.number == 8) is_function[i] = true;
      if (!field.is(4, WireType::kBytes)) return {};
      WHITTLE_ASSIGN(const std::string_view kind, bytes_field(field.text(), 1));
      if (kind.substr(0, 10) == "_tf_keras_") remainder->is_keras = true;
      return {};
    }));
  }
  if (objects.empty()) return {};
  std::vector<std::string>& names = remainder->object_functions;
  WHITTLE_ASSIGN(const std::vector<std::string_view> children, bytes_fields(objects[0], 1));
  for (std::string_view child : children) {
    uint64_t id = 0;
    std::string_view name;
    WHITTLE_CHECK(for_each_field(child, [&](const WireField& field) -> Status {
      if (field.is(1, WireType::kVarint)) id = field.value;
      if (field.is(2, WireType::kBytes)) name = field.text();
      return {};
    }));
    if (id < objects.size() && is_function[static_cast<size_t>(id)]) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return {};
}

}  // namespace whittle::format
