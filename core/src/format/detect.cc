// What the files are, before anything is parsed.
#include <algorithm>
#include <set>

#include "whittle/saved_model.h"
#include "whittle/text.h"

namespace whittle {
namespace {

std::string_view file_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string_view folder_part(std::string_view path) { return path.substr(0, path.rfind('/') + 1); }

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

// Left by file managers and archives.
bool is_junk(std::string_view path) {
  const std::string_view name = file_part(path);
  return path.empty() || name == ".DS_Store" || name == "Thumbs.db" || name == "desktop.ini" ||
         name.substr(0, 2) == "._" || path.substr(0, 9) == "__MACOSX/";
}

// Files that are protobufs or texts but never the model.
bool is_side_file(std::string_view name) {
  constexpr std::string_view kNames[] = {"fingerprint.pb", "keras_metadata.pb", "tfhub_module.pb",
                                         "saved_model_debug_info.pb", "checkpoint.pbtxt"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

struct Mistake {
  std::string_view extension;
  std::string_view sentence;
};
constexpr std::string_view kHdf5 =
    "is a Keras HDF5 file: load it with Keras and write a SavedModel with model.export(folder)";
constexpr std::string_view kZip = "is a zip archive: unpack it and give the folder";
constexpr std::string_view kTflite =
    "is a TensorFlow Lite model, which cannot be turned back: give the SavedModel it was made from";
constexpr std::string_view kGzip = "is a gzip archive: unpack it and give the folder";
constexpr Mistake kMistakes[] = {
    {".h5", kHdf5},
    {".hdf5", kHdf5},
    {".keras",
     "is a Keras archive: load it with Keras and write a SavedModel with model.export(folder)"},
    {".tflite", kTflite},
    {".lite", kTflite},
    {".onnx", "is an ONNX model: give the TensorFlow SavedModel it was made from"},
    {".zip", kZip},
    {".tar.gz", kGzip},
    {".tgz", kGzip},
    {".tar", "is a tar archive: unpack it and give the folder"},
    {".cpb",
     "is a chunked SavedModel, which TensorFlow itself does not read: save it again without "
     "experimental_image_format"},
    {".meta", "is the MetaGraph of a TensorFlow 1 checkpoint: export it as a SavedModel first"},
    {".index", "is a checkpoint without its graph: give the SavedModel folder"},
    {".data-00000-of-00001", "is a checkpoint without its graph: give the SavedModel folder"},
    {".ckpt", "is a checkpoint without its graph: give the SavedModel folder"},
    {".pt", "is a PyTorch file: only TensorFlow models can be read"},
    {".pth", "is a PyTorch file: only TensorFlow models can be read"},
    {".safetensors", "holds only weights: give a TensorFlow SavedModel"},
    {".mlmodel", "is a Core ML model: only TensorFlow models can be read"},
    {".json",
     "is JSON; a TensorFlow.js model cannot be read: give the SavedModel it was made from"},
};

// By extension, then by the first bytes; empty when nothing is known.
std::string_view mistake_of(std::string_view path, std::string_view head) {
  if (head.substr(0, 8) == "\x89HDF\r\n\x1a\n") return kHdf5;
  if (head.size() >= 8 && head.substr(4, 4) == "TFL3") return kTflite;
  const std::string name = lower(file_part(path));
  for (const Mistake& m : kMistakes) {
    if (ends_with(name, m.extension)) return m.sentence;
  }
  if (name.find(".data-") != std::string::npos)
    return "is a checkpoint without its graph: give the SavedModel folder";
  if (name == "checkpoint") return "only names a checkpoint: give the SavedModel folder";
  if (head.substr(0, 4) == "PK\x03\x04") return kZip;
  if (head.substr(0, 2) == "\x1f\x8b") return kGzip;
  return {};
}

// A name, a comment or white space in front, and no control characters.
bool is_text(std::string_view head) {
  const auto plain = [](char c) {
    return static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\r' || c == '\t';
  };
  if (head.empty() || !std::all_of(head.begin(), head.end(), plain)) return false;
  const char first = head[0];
  return (first >= 'a' && first <= 'z') || first == '#' || first == ' ' || first == '\n' ||
         first == '\r' || first == '\t';
}

constexpr uint64_t kHeadBytes = 64;

// Valid until the next provide.
Result<std::string_view> head_of(const std::vector<FileEntry>& files, FileId file, Context& ctx) {
  const uint64_t length = std::min(files[static_cast<size_t>(file)].size, kHeadBytes);
  if (length == 0) return std::string_view();
  WHITTLE_ASSIGN(const std::span<const uint8_t> bytes, ctx.bytes()->fetch({file, 0, length}));
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(length));
}

std::string list_some(const std::vector<std::string>& names) {
  constexpr size_t kShown = 10;
  std::string out;
  for (size_t i = 0; i < names.size() && i < kShown; ++i)
    out += cat(i == 0 ? "" : ", ", printable(names[i]));
  if (names.size() > kShown) out += cat(" and ", names.size() - kShown, " more");
  return out;
}

// Of several folders with a saved_model file, the one that all others are in.
Result<std::string> choose_root(const std::set<std::string>& roots) {
  const std::string& first = *roots.begin();  // a prefix sorts before what it begins
  for (const std::string& root : roots) {
    if (root.compare(0, first.size(), first) == 0) continue;
    std::vector<std::string> names;
    for (const std::string& r : roots) names.push_back(r.substr(0, r.size() - 1));
    return invalid_argument(
        cat("there are several models: ", list_some(names), "; give the folder of one of them"));
  }
  return first;
}

Result<DetectedInput> detect_graph(const std::vector<FileEntry>& files, FileId file, Context& ctx) {
  const std::string& path = files[static_cast<size_t>(file)].path;
  WHITTLE_ASSIGN(const std::string_view head, head_of(files, file, ctx));
  if (head.empty()) return corrupt("the file is empty").in(printable(path));
  if (const std::string_view mistake = mistake_of(path, head); !mistake.empty()) {
    return unsupported(cat(printable(path), " ", mistake));
  }
  DetectedInput found;
  found.file = file;
  found.root = folder_part(path);
  // A GraphDef begins with a NodeDef (or its versions), a SavedModel with its schema version or, in
  // very old ones, with a MetaGraphDef. Text begins with the name of such a field.
  const auto first = static_cast<uint8_t>(head[0]);
  const bool text = is_text(head) && (first != 0x0a || ends_with(path, "txt"));
  if (text) {
    const bool saved_model = head.find("saved_model_schema_version") != std::string_view::npos ||
                             head.find("meta_graphs") != std::string_view::npos;
    found.form = saved_model ? InputForm::kSavedModelText : InputForm::kGraphDefText;
  } else if (first == 0x0a || first == 0x22) {
    found.form = InputForm::kGraphDef;
  } else if (first == 0x08 || first == 0x12) {
    found.form = InputForm::kSavedModel;
  } else {
    return unsupported(cat(printable(path), " is neither a SavedModel nor a GraphDef"));
  }
  return found;
}

}  // namespace

std::optional<FileId> find_file(const std::vector<FileEntry>& files, const std::string& root,
                                std::string_view path) {
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string_view full = files[i].path;
    if (full.size() == root.size() + path.size() && full.substr(0, root.size()) == root &&
        full.substr(root.size()) == path) {
      return static_cast<FileId>(i);
    }
  }
  return std::nullopt;
}

Result<DetectedInput> detect_input(const std::vector<FileEntry>& files, Context& ctx) {
  std::set<std::string> roots;
  std::vector<FileId> graphs, others;
  for (size_t i = 0; i < files.size(); ++i) {
    const std::string& path = files[i].path;
    const std::string_view name = file_part(path);
    if (is_junk(path)) continue;
    if (name == "saved_model.pb" || name == "saved_model.pbtxt") {
      roots.emplace(folder_part(path));
    } else if ((ends_with(name, ".pb") || ends_with(name, ".pbtxt")) && !is_side_file(name)) {
      graphs.push_back(static_cast<FileId>(i));
    } else {
      others.push_back(static_cast<FileId>(i));
    }
  }
  if (!roots.empty()) {
    DetectedInput found;
    WHITTLE_ASSIGN(found.root, choose_root(roots));
    const std::optional<FileId> binary = find_file(files, found.root, "saved_model.pb");
    found.form = binary ? InputForm::kSavedModel : InputForm::kSavedModelText;
    found.file = binary ? *binary : *find_file(files, found.root, "saved_model.pbtxt");
    return found;
  }
  if (graphs.size() == 1) return detect_graph(files, graphs[0], ctx);
  if (graphs.size() > 1) {
    std::vector<std::string> names;
    for (FileId file : graphs) names.push_back(files[static_cast<size_t>(file)].path);
    return invalid_argument(
        cat("there are several graphs: ", list_some(names), "; give one of them"));
  }
  if (others.size() == 1) {  // whatever its name is
    WHITTLE_ASSIGN(const std::string_view head, head_of(files, others[0], ctx));
    const std::string& path = files[static_cast<size_t>(others[0])].path;
    if (const std::string_view mistake = mistake_of(path, head); !mistake.empty()) {
      return unsupported(cat(printable(path), " ", mistake));
    }
  }
  for (FileId file : others) {
    const std::string& path = files[static_cast<size_t>(file)].path;
    if (const std::string_view mistake = mistake_of(path, {}); !mistake.empty()) {
      return unsupported(cat(printable(path), " ", mistake));
    }
  }
  if (graphs.empty() && others.empty()) return not_found("the folder is empty");
  return not_found("no saved_model.pb, saved_model.pbtxt or graph (.pb, .pbtxt) was found");
}

}  // namespace whittle
