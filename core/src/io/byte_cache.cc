#include "whittle/byte_cache.h"

#include <algorithm>

#include "whittle/math.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// Ranges this near are read as one: a seek costs more than the bytes between.
constexpr uint64_t kJoinGap = 4096;

}  // namespace

BlockCache::BlockCache(std::vector<FileEntry> files, uint64_t budget_bytes)
    : files_(std::move(files)), blocks_(files_.size()), budget_(budget_bytes) {}

uint64_t BlockCache::file_size(FileId file) const {
  return files_[static_cast<size_t>(file)].size;
}

const std::string& BlockCache::file_name(FileId file) const {
  return files_[static_cast<size_t>(file)].path;
}

Status BlockCache::check(const FileRange& range) const {
  const size_t index = static_cast<size_t>(range.file);
  if (index >= files_.size()) return internal_error(cat("there is no file number ", index));
  uint64_t end = 0;
  if (add_overflows(range.offset, range.length, &end) || end > files_[index].size) {
    return corrupt(cat("bytes ", range.offset, " + ", range.length, " lie beyond the end (",
                       files_[index].size, " bytes)"))
        .in(printable(files_[index].path));
  }
  return {};
}

const BlockCache::Block* BlockCache::covering(const FileRange& range, uint64_t* offset) const {
  // No block lies within another (provide() sees to it), so ends ascend with offsets, and the last
  // block that starts at or before the range is the one that reaches farthest.
  const std::map<uint64_t, Block>& blocks = blocks_[static_cast<size_t>(range.file)];
  auto after = blocks.upper_bound(range.offset);
  if (after == blocks.begin()) return nullptr;
  const auto& [begin, block] = *std::prev(after);
  if (range.offset + range.length > begin + block.length) return nullptr;
  *offset = begin;
  return &block;
}

Result<std::span<const uint8_t>> BlockCache::fetch(const FileRange& range) {
  WHITTLE_CHECK(check(range));
  if (range.length == 0) return std::span<const uint8_t>();
  uint64_t begin = 0;
  if (const Block* block = covering(range, &begin)) {
    return block->bytes->span().subspan(static_cast<size_t>(range.offset - begin),
                                        static_cast<size_t>(range.length));
  }
  if (range.length > budget_) {
    return over_limit(cat("a read of ", human_bytes(range.length), " at once is above ",
                          human_bytes(budget_)))
        .in(printable(file_name(range.file)));
  }
  missing_.push_back(range);
  return Error{Code::kNeedBytes, "bytes are not in memory yet", {}};
}

void BlockCache::want(const FileRange& range) {
  uint64_t begin = 0;
  if (range.length == 0 || range.length > budget_ || !check(range).ok()) return;
  if (covering(range, &begin) == nullptr) missing_.push_back(range);
}

std::vector<FileRange> BlockCache::take_missing() {
  std::vector<FileRange> ranges = std::move(missing_);
  missing_.clear();
  std::sort(ranges.begin(), ranges.end(), [](const FileRange& a, const FileRange& b) {
    return a.file != b.file ? a.file < b.file : a.offset < b.offset;
  });
  std::vector<FileRange> joined;
  for (const FileRange& range : ranges) {
    if (!joined.empty() && joined.back().file == range.file) {
      FileRange& last = joined.back();
      const uint64_t last_end = last.offset + last.length;
      const uint64_t end = range.offset + range.length;
      const bool fits = std::max(last_end, end) - last.offset <= budget_;
      if (range.offset < last_end + kJoinGap && (fits || end <= last_end)) {
        last.length = std::max(last_end, end) - last.offset;
        continue;
      }
    }
    joined.push_back(range);
  }
  return joined;
}

Status BlockCache::provide(const FileRange& range, std::span<const uint8_t> bytes) {
  WHITTLE_CHECK(check(range));
  const std::string& name = file_name(range.file);
  if (bytes.size() != range.length) {
    return io_error(cat("read ", bytes.size(), " of ", range.length, " bytes at byte ",
                        range.offset))
        .in(printable(name));
  }
  uint64_t begin = 0;
  if (range.length == 0 || covering(range, &begin) != nullptr) return {};
  std::map<uint64_t, Block>& blocks = blocks_[static_cast<size_t>(range.file)];
  auto inside = blocks.lower_bound(range.offset);
  while (inside != blocks.end() &&
         inside->first + inside->second.length <= range.offset + range.length) {
    held_ -= inside->second.length;
    inside = blocks.erase(inside);
  }
  if (range.length > budget_ - held_) {
    return over_limit(cat("the byte cache is full (", human_bytes(held_), " of ",
                          human_bytes(budget_), ")"))
        .in(printable(name));
  }
  WHITTLE_ASSIGN_IN(std::shared_ptr<Buffer> copy, Buffer::copy_of(bytes), printable(name));
  blocks[range.offset] = Block{range.length, std::move(copy)};
  held_ += range.length;
  return {};
}

void BlockCache::evict(FileId file) {
  for (const auto& [offset, block] : blocks_[static_cast<size_t>(file)]) held_ -= block.length;
  blocks_[static_cast<size_t>(file)].clear();
}

void BlockCache::evict_all() {
  for (std::map<uint64_t, Block>& blocks : blocks_) blocks.clear();
  held_ = 0;
}

}  // namespace whittle
