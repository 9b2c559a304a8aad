// byte_cache.h: the one ByteCache of the core: ranges that the embedder has provided.
//
//   1. a stage calls fetch(range) and fails with kNeedBytes
//   2. the embedder reads missing() from its files and calls provide() for each
//   3. the stage runs again; fetch() answers from memory
//
// A fetch is answered when one provided block covers it. Blocks stay until evict() or evict_all().
// Errors  kCorrupt when a range ends after the file; kLimit when the cache would pass its budget.
#ifndef WHITTLE_BYTE_CACHE_H_
#define WHITTLE_BYTE_CACHE_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "whittle/buffer.h"
#include "whittle/context.h"

namespace whittle {

struct FileEntry {
  std::string path;  // relative, '/' separators
  uint64_t size = 0;
};

class BlockCache final : public ByteCache {
 public:
  explicit BlockCache(std::vector<FileEntry> files, uint64_t budget_bytes = uint64_t{256} << 20);

  Result<std::span<const uint8_t>> fetch(const FileRange& range) override;
  void want(const FileRange& range) override;
  uint64_t file_size(FileId file) const override;
  const std::string& file_name(FileId file) const override;

  // Ranges noted since the last call, sorted, overlapping and near (< 4 KiB apart) ones joined.
  std::vector<FileRange> take_missing();
  Status provide(const FileRange& range, std::span<const uint8_t> bytes);
  void evict(FileId file);
  void evict_all();
  uint64_t bytes_held() const { return held_; }
  const std::vector<FileEntry>& files() const { return files_; }

 private:
  struct Block { uint64_t length; std::shared_ptr<Buffer> bytes; };
  Status check(const FileRange& range) const;  // the range lies within its file
  const Block* covering(const FileRange& range, uint64_t* offset) const;
  std::vector<FileEntry> files_;
  std::vector<std::map<uint64_t, Block>> blocks_;  // by offset, one map a file
  std::vector<FileRange> missing_;
  uint64_t budget_;
  uint64_t held_ = 0;
};

}  // namespace whittle

#endif  // WHITTLE_BYTE_CACHE_H_
