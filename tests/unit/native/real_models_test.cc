// Every SavedModel and graph of the corpus and, when WHITTLE_MODELS names their folder, of the shared
// models: read with all functions, written, and read and written again to the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "support/files.h"
#include "whittle/saved_model.h"
#include "whittle/text.h"

namespace whittle {
namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& path) {
  std::string out;
  if (std::FILE* file = std::fopen(path.c_str(), "rb")) {
    char buffer[65536];
    for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) out.append(buffer, n);
    std::fclose(file);
  }
  return out;
}

bool is_model(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name == "fingerprint.pb" || name == "keras_metadata.pb" || name == "tfhub_module.pb" ||
      name == "smart_module.pb" || path.parent_path().filename() == "assets") {
    return false;
  }
  return path.extension() == ".pb" || path.extension() == ".pbtxt";
}

std::vector<fs::path> models_below(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; it != end; it.increment(error)) {
    if (it->is_regular_file(error) && is_model(it->path())) out.push_back(it->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The model file and what a reader may look at beside it.
std::vector<MemoryFile> files_of(const fs::path& model) {
  std::vector<MemoryFile> out = {{model.filename().string(), content_of(model)}};
  std::error_code error;
  for (const char* sub : {"assets", "assets.extra"}) {
    for (fs::recursive_directory_iterator it(model.parent_path() / sub, error), end; it != end;
         it.increment(error)) {
      if (!it->is_regular_file(error)) continue;
      out.push_back(
          {fs::relative(it->path(), model.parent_path()).string(), content_of(it->path())});
    }
  }
  return out;
}

std::string bytes_of_file(const PlannedFile& file, MemoryFiles& source) {
  std::string out;
  for (const PlannedSegment& segment : file.segments) {
    std::vector<FileRange> ranges;
    if (segment.kind == PlannedSegment::Kind::kLiteral) out += segment.literal;
    if (segment.kind == PlannedSegment::Kind::kCopy) ranges.push_back(segment.copy);
    if (segment.kind == PlannedSegment::Kind::kTensor) {
      if (segment.tensor.kind() == TensorRef::Kind::kOwned) {
        const auto bytes = segment.tensor.tensor().bytes();
        out.append(bytes.begin(), bytes.end());
      } else {
        for (const FilePiece& piece : segment.tensor.pieces()) ranges.push_back(piece.range);
      }
    }
    for (const FileRange& range : ranges) {
      const auto bytes = source.run([&](Context& ctx) { return ctx.bytes()->fetch(range); });
      if (bytes.ok()) out.append(bytes->begin(), bytes->end());
    }
  }
  EXPECT_EQ(out.size(), file.size) << file.path;
  return out;
}

// Reads and writes; the function bodies are decoded on the way when `all_functions` is set.
std::vector<MemoryFile> rewrite(std::vector<MemoryFile> input, bool all_functions) {
  MemoryFiles files = MemoryFiles::of(std::move(input));
  ReadOptions options;
  options.need_signature = false;
  ModelReader reader(files.cache().files(), options);
  Result<Model> model = files.run([&](Context& ctx) { return reader.read(ctx); });
  if (!model.ok()) {
    ADD_FAILURE() << model.error().to_string();
    return {};
  }
  EXPECT_TRUE(model->meta.graph.check().ok());
  for (const std::string& name : model->meta.library.names()) {
    if (!all_functions) break;
    const Result<const Function*> f = model->meta.library.get(name);
    EXPECT_TRUE(f.ok()) << f.error().to_string();
  }
  const Result<std::vector<PlannedFile>> plan = files.run([&](Context& ctx) {
    WriteOptions write;
    write.load_small = [&](const TensorRef& ref) { return load_stored(ref, ctx); };
    return plan_saved_model(*model, files.cache().files(), reader.detected().root, write, ctx);
  });
  if (!plan.ok()) {
    ADD_FAILURE() << plan.error().to_string();
    return {};
  }
  std::vector<MemoryFile> out;
  for (const PlannedFile& file : *plan) out.push_back({file.path, bytes_of_file(file, files)});
  return out;
}

size_t verify_all(const fs::path& folder) {
  const std::vector<fs::path> models = models_below(folder);
  for (const fs::path& model : models) {
    SCOPED_TRACE(model.string());
    const std::vector<MemoryFile> first = rewrite(files_of(model), true);
    if (first.empty()) continue;
    const std::vector<MemoryFile> second = rewrite(first, false);
    if (first.size() != second.size()) {
      ADD_FAILURE() << "other files";
      continue;
    }
    for (size_t i = 0; i < first.size(); ++i)
      EXPECT_TRUE(first[i].content == second[i].content) << first[i].path;
    // Where a graph lies there in both forms, both give the same result.
    const fs::path twin =
        model.parent_path() / (model.stem() == "frozen_model" ? "frozen_graph.pbtxt" : "");
    if (model.extension() == ".pb" && fs::is_regular_file(twin)) {
      const std::vector<MemoryFile> text = rewrite(files_of(twin), false);
      EXPECT_TRUE(text.size() == 1 && text[0].content == first[0].content)
          << "the text form differs";
    }
  }
  std::printf("%zu models\n", models.size());
  return models.size();
}

TEST(RealModels, OfTheCorpusAreReadAndWrittenTheSameAgain) {
  EXPECT_GE(verify_all(fs::path(WHITTLE_TEST_DATA).parent_path() / "corpus"), 8u);
}

TEST(RealModels, OfTheSharedFolderAreReadAndWrittenTheSameAgain) {
  const char* folder = std::getenv("WHITTLE_MODELS");
  if (folder == nullptr) {
    const char* require = std::getenv("WHITTLE_REQUIRE");
    ASSERT_TRUE(require == nullptr || std::string(require) != "1") << "WHITTLE_MODELS is not set";
    GTEST_SKIP() << "WHITTLE_MODELS does not name a folder of models";
  }
  EXPECT_GT(verify_all(folder), 0u);
}

}  // namespace
}  // namespace whittle
