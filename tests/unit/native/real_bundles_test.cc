// Every checkpoint of the corpus and, when WHITTLE_MODELS names their folder, of the shared models:
// each tensor is found, loaded, and its checksum agrees.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "support/bytes.h"
#include "whittle/byte_cache.h"
#include "whittle/tensor_bundle.h"
#include "whittle/text.h"

namespace whittle {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> index_files(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; it != end; it.increment(error)) {
    if (it->path().extension() == ".index") out.push_back(it->path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

// The files beside an index, read from disk as the cache asks for them.
class DiskFiles {
 public:
  explicit DiskFiles(const fs::path& folder) : folder_(folder), cache_(entries(folder)), ctx_(&cache_) {}
  std::optional<FileId> find(std::string_view path) const {
    for (size_t i = 0; i < cache_.files().size(); ++i) {
      if (cache_.files()[i].path == path) return static_cast<FileId>(i);
    }
    return std::nullopt;
  }
  template <class Stage>
  auto run(Stage stage) -> decltype(stage(std::declval<Context&>())) {
    for (;;) {
      auto result = stage(ctx_);
      if (result.ok() || result.error().code != Code::kNeedBytes) return result;
      for (const FileRange& range : cache_.take_missing()) {
        std::vector<uint8_t> bytes(static_cast<size_t>(range.length));
        std::FILE* file = std::fopen((folder_ / cache_.file_name(range.file)).c_str(), "rb");
        if (file == nullptr) return Error(io_error("cannot open"));
        std::fseek(file, static_cast<long>(range.offset), SEEK_SET);
        const size_t n = std::fread(bytes.data(), 1, bytes.size(), file);
        std::fclose(file);
        bytes.resize(n);
        const Status provided = cache_.provide(range, bytes);
        if (!provided.ok()) return Error(provided.error());
      }
    }
  }
  BlockCache& cache() { return cache_; }

 private:
  static std::vector<FileEntry> entries(const fs::path& folder) {
    std::vector<FileEntry> out;
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; it != end; it.increment(error)) {
      if (it->is_regular_file(error)) out.push_back({it->path().filename().string(), it->file_size(error)});
    }
    return out;
  }
  fs::path folder_;
  BlockCache cache_;
  Context ctx_;
};

struct Totals {
  size_t bundles = 0, tensors = 0, strings = 0;
};

void verify(const fs::path& index, Totals* totals) {
  SCOPED_TRACE(index.string());
  DiskFiles files(index.parent_path());
  auto bundle = files.run([&](Context& ctx) {
    return open_tensor_bundle(index.stem().string(), [&](std::string_view p) { return files.find(p); }, ctx);
  });
  ASSERT_TRUE(bundle.ok()) << bundle.error().to_string();
  ++totals->bundles;
  for (const std::string& key : (*bundle)->keys()) {
    auto ref = files.run([&](Context& ctx) { return (*bundle)->find({key, ""}, ctx); });
    ASSERT_TRUE(ref.ok()) << ref.error().to_string();
    EXPECT_TRUE(ref->kind() == TensorRef::Kind::kOwned || ref->crc32c().has_value() || !ref->checks().empty()) << key;
    if (ref->kind() != TensorRef::Kind::kOwned) {
      EXPECT_EQ(ref->byte_size(), (*bundle)->entry_bytes(key)) << key;
    }
    auto tensor = files.run([&](Context& ctx) { return load_stored(*ref, ctx); });
    ASSERT_TRUE(tensor.ok()) << key << ": " << tensor.error().to_string();
    ++totals->tensors;
    totals->strings += tensor->is_string() ? 1 : 0;
    files.cache().evict_all();
  }
}

Totals verify_all(const fs::path& folder) {
  Totals totals;
  for (const fs::path& index : index_files(folder)) verify(index, &totals);
  std::printf("%zu checkpoints, %zu tensors, %zu of strings\n", totals.bundles, totals.tensors, totals.strings);
  return totals;
}

TEST(RealBundles, OfTheCorpusAgreeWithTheirChecksums) {
  const Totals totals = verify_all(fs::path(WHITTLE_TEST_DATA).parent_path() / "corpus");
  EXPECT_GE(totals.bundles, 5u);
}

TEST(RealBundles, OfTheSharedModelsAgreeWithTheirChecksums) {
  const char* folder = std::getenv("WHITTLE_MODELS");
  if (folder == nullptr) {
    const char* require = std::getenv("WHITTLE_REQUIRE");
    ASSERT_TRUE(require == nullptr || std::string(require) != "1") << "WHITTLE_MODELS is not set";
    GTEST_SKIP() << "WHITTLE_MODELS does not name a folder of models";
  }
  const Totals totals = verify_all(folder);
  EXPECT_EQ(totals.bundles, index_files(folder).size());
  EXPECT_GT(totals.bundles, 0u);
}

}  // namespace
}  // namespace whittle
