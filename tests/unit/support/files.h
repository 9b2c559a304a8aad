// files.h: files in memory for code that reads through Context::bytes().
//
//   MemoryFiles files({{"a.bin", "…"}});
//   Result<T> r = files.run([&](Context& ctx) { return load_stored(ref, ctx); });
//
// run() answers kNeedBytes as an embedder does: it provides what is missing and starts again.
#ifndef WHITTLE_TESTS_SUPPORT_FILES_H_
#define WHITTLE_TESTS_SUPPORT_FILES_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "support/bytes.h"
#include "whittle/byte_cache.h"

namespace whittle {

struct MemoryFile {
  std::string path;
  std::string content;
};

class MemoryFiles {
 public:
  MemoryFiles(std::initializer_list<MemoryFile> files)
      : files_(files), cache_(entries()), ctx_(&cache_) {}
  static MemoryFiles of(std::vector<MemoryFile> files, uint64_t cache_budget = uint64_t{256} << 20) {
    return MemoryFiles(std::move(files), cache_budget);
  }
  MemoryFiles(const MemoryFiles&) = delete;
  MemoryFiles& operator=(const MemoryFiles&) = delete;

  std::optional<FileId> find(std::string_view path) const {
    for (size_t i = 0; i < files_.size(); ++i) {
      if (files_[i].path == path) return static_cast<FileId>(i);
    }
    return std::nullopt;
  }

  template <class Stage>
  auto run(Stage stage) -> decltype(stage(std::declval<Context&>())) {
    for (;;) {
      auto result = stage(ctx_);
      if (result.ok() || result.error().code != Code::kNeedBytes || rounds_ > 1000) return result;
      ++rounds_;
      for (const FileRange& range : cache_.take_missing()) {
        const std::string& content = files_[static_cast<size_t>(range.file)].content;
        const Status provided = cache_.provide(
            range, bytes_of(content).subspan(static_cast<size_t>(range.offset),
                                             static_cast<size_t>(range.length)));
        if (!provided.ok()) return Error(provided.error());
        bytes_read_ += range.length;
      }
    }
  }

  Context& ctx() { return ctx_; }
  BlockCache& cache() { return cache_; }
  int rounds() const { return rounds_; }           // of providing
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  MemoryFiles(std::vector<MemoryFile> files, uint64_t cache_budget)
      : files_(std::move(files)), cache_(entries(), cache_budget), ctx_(&cache_) {}
  std::vector<FileEntry> entries() const {
    std::vector<FileEntry> out;
    for (const MemoryFile& file : files_) out.push_back({file.path, file.content.size()});
    return out;
  }

  std::vector<MemoryFile> files_;
  BlockCache cache_;
  Context ctx_;
  int rounds_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace whittle

#endif  // WHITTLE_TESTS_SUPPORT_FILES_H_
