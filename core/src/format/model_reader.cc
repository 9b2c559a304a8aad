// ModelReader: recognise, walk, decode. Each stage keeps what it has when bytes are missing.
#include <algorithm>
#include <set>

#include "endpoints.h"
#include "meta_reader.h"
#include "pbtxt.h"
#include "whittle/saved_model.h"
#include "whittle/text.h"

namespace whittle {

using format::MetaGraphPart;
using format::Skeleton;

namespace {

constexpr uint64_t kTextWindow = 1 << 20;
constexpr uint64_t kMaxText = uint64_t{256} << 20;

bool same_tags(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::set<std::string>(a.begin(), a.end()) == std::set<std::string>(b.begin(), b.end());
}

std::string show_tags(const std::vector<std::string>& tags) {
  return cat("{", printable(join(tags, ",")), "}");
}

// A text file becomes binary in memory; the walk then reads it as if it were a file.
class BytesInMemory final : public ByteCache {
 public:
  BytesInMemory(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}
  Result<std::span<const uint8_t>> fetch(const FileRange& range) override {
    return std::span(reinterpret_cast<const uint8_t*>(bytes_.data()) + range.offset,
                     static_cast<size_t>(range.length));
  }
  void want(const FileRange&) override {}
  uint64_t file_size(FileId) const override { return bytes_.size(); }
  const std::string& file_name(FileId) const override { return name_; }

 private:
  std::string_view bytes_;
  const std::string& name_;
};

}  // namespace

struct ModelReader::Impl {
  std::vector<FileEntry> files;
  ReadOptions options;
  bool is_detected = false;
  DetectedInput input;
  std::string text;       // of a text file, as far as it was read
  std::string converted;  // its binary form
  std::unique_ptr<Skeleton> skeleton;
  std::vector<std::vector<std::string>> tag_sets;
  std::vector<std::string> signature_keys;

  bool is_text() const {
    return input.form == InputForm::kSavedModelText || input.form == InputForm::kGraphDefText;
  }
  bool is_saved_model() const {
    return input.form == InputForm::kSavedModel || input.form == InputForm::kSavedModelText;
  }
  const FileEntry& file() const { return files[static_cast<size_t>(input.file)]; }

  // The graph of a MetaGraph is read when its tags fit, and that of the first one when nobody asked
  // for tags: it may be the only one.
  bool wanted(const std::vector<std::string>* tags, size_t index) const {
    if (tags == nullptr || (!options.tags && index == 0)) return true;
    return same_tags(*tags, options.tags.value_or(std::vector<std::string>{"serve"}));
  }

  Status read_text(Context& ctx) {
    const uint64_t size = file().size;
    if (size > kMaxText)
      return over_limit(cat("a text model above ", human_bytes(kMaxText), " is not read"));
    while (text.size() < size) {
      WHITTLE_CHECK(ctx.check_cancelled());
      const uint64_t length = std::min<uint64_t>(kTextWindow, size - text.size());
      WHITTLE_ASSIGN(const std::span<const uint8_t> window,
                     ctx.bytes()->fetch({input.file, text.size(), length}));
      text.append(reinterpret_cast<const char*>(window.data()), window.size());
    }
    WHITTLE_ASSIGN(converted,
                   format::pbtxt_to_binary(text, is_saved_model() ? format::TextRoot::kSavedModel
                                                                  : format::TextRoot::kGraphDef));
    text = std::string();
    return {};
  }

  Status walk(Context& ctx) {
    if (!skeleton) {
      if (is_text()) WHITTLE_CHECK(read_text(ctx));
      skeleton = std::make_unique<Skeleton>(
          input.file, is_saved_model() ? Skeleton::Root::kSavedModel : Skeleton::Root::kGraphDef,
          [this](const std::vector<std::string>* tags, size_t index) {
            return wanted(tags, index);
          },
          !is_text());
    }
    if (!is_text()) return skeleton->run(*ctx.bytes(), ctx);
    BytesInMemory memory(converted, file().path);
    WHITTLE_CHECK(skeleton->run(memory, ctx));
    converted = std::string();
    return {};
  }

  Result<size_t> choose_meta_graph() {
    const std::vector<MetaGraphPart>& metas = skeleton->meta_graphs();
    if (metas.empty()) return corrupt("there is no MetaGraph in it");
    for (const MetaGraphPart& meta : metas) tag_sets.push_back(meta.tags);
    const std::vector<std::string> tags = options.tags.value_or(std::vector<std::string>{"serve"});
    for (size_t i = 0; i < metas.size(); ++i) {
      if (same_tags(metas[i].tags, tags)) return i;
    }
    if (!options.tags && metas.size() == 1) return size_t{0};
    std::vector<std::string> sets;
    for (const std::vector<std::string>& set : tag_sets) sets.push_back(show_tags(set));
    return not_found(
        cat("no MetaGraph has the tags ", show_tags(tags), "; there are: ", join(sets, ", ")));
  }

  Result<Model> decode(Context& ctx) {
    Model model;
    MetaGraphPart part;
    if (is_saved_model()) {
      WHITTLE_ASSIGN(const size_t index, choose_meta_graph());
      part = skeleton->meta_graphs()[index];
    }
    Remainder& remainder = model.meta.remainder;
    remainder.metagraph_bytes = is_saved_model() ? part.file_bytes : file().size;
    remainder.debug_info_bytes = part.debug_info_bytes + skeleton->debug_info_bytes();
    if (auto debug = find_file(files, input.root, "debug/saved_model_debug_info.pb");
        debug && is_saved_model()) {
      remainder.debug_info_bytes += files[static_cast<size_t>(*debug)].size;
    }
    auto source = std::make_shared<const format::Source>(
        skeleton->take_bytes(), skeleton->take_contents(), skeleton->take_function_sizes());
    if (!is_saved_model()) {
      model.source = Model::Source::kGraphDef;
      WHITTLE_CHECK(format::read_graph({source->bytes}, {}, source, &model.meta, ctx));
    } else {
      remainder.saver_bytes = part.saver_bytes;
      remainder.object_graph_bytes = part.object_graph_bytes;
      WHITTLE_CHECK(decode_meta(std::string_view(source->bytes).substr(part.offset, part.length),
                                source, &model.meta, ctx));
    }
    for (const Signature& s : model.meta.signatures) signature_keys.push_back(s.key);
    WHITTLE_CHECK(format::choose_signatures(options, &model.meta));
    return model;
  }

  Status decode_meta(std::string_view bytes, const std::shared_ptr<const format::Source>& source,
                     MetaGraph* meta, Context& ctx) {
    WHITTLE_ASSIGN(const format::MetaViews views, format::split_meta_graph(bytes));
    std::string op_list;
    WHITTLE_CHECK(format::read_meta_info(views.meta_info, meta, &op_list));
    WHITTLE_CHECK(format::read_graph(views.graph_defs, op_list, source, meta, ctx));
    WHITTLE_CHECK(format::read_signatures(views, meta, ctx));
    WHITTLE_CHECK(format::read_collections(views, files, input.root, meta));
    Remainder& remainder = meta->remainder;
    remainder.has_object_graph = views.has_object_graph || remainder.object_graph_bytes > 0;
    WHITTLE_CHECK(format::read_object_graph(views.object_graph, source, meta));
    auto& names = remainder.object_functions;
    names.erase(std::remove_if(names.begin(), names.end(),
                               [&](const std::string& name) {
                                 return std::any_of(
                                     meta->signatures.begin(), meta->signatures.end(),
                                     [&](const Signature& s) { return s.key == name; });
                               }),
                names.end());
    return {};
  }
};

ModelReader::ModelReader(std::vector<FileEntry> files, ReadOptions options)
    : impl_(std::make_unique<Impl>()) {
  impl_->files = std::move(files);
  impl_->options = std::move(options);
}
ModelReader::~ModelReader() = default;
ModelReader::ModelReader(ModelReader&&) noexcept = default;

Result<Model> ModelReader::read(Context& ctx) {
  if (!impl_->is_detected) {
    WHITTLE_ASSIGN(impl_->input, detect_input(impl_->files, ctx));
    impl_->is_detected = true;
  }
  const auto outside = [&](Error error) {
    const std::string place = printable(impl_->file().path);
    if (error.code == Code::kNeedBytes || (!error.where.empty() && error.where.back() == place))
      return error;
    return std::move(error).in(place);
  };
  if (!impl_->skeleton || !impl_->skeleton->done()) {
    Status walked = impl_->walk(ctx);
    if (!walked.ok()) return outside(walked.take_error());
  }
  Result<Model> model = impl_->decode(ctx);
  if (!model.ok()) return outside(model.take_error());
  return model;
}

const DetectedInput& ModelReader::detected() const { return impl_->input; }
const std::vector<std::vector<std::string>>& ModelReader::tag_sets() const {
  return impl_->tag_sets;
}
const std::vector<std::string>& ModelReader::signature_keys() const {
  return impl_->signature_keys;
}

double ModelReader::progress() const {
  if (!impl_->is_detected || impl_->file().size == 0) return 0;
  if (impl_->is_text())
    return static_cast<double>(impl_->text.size()) / static_cast<double>(impl_->file().size);
  if (!impl_->skeleton) return 0;
  return static_cast<double>(impl_->skeleton->position()) / static_cast<double>(impl_->file().size);
}

}  // namespace whittle
