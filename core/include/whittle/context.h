// context.h: what a call needs from its caller; passed down only, never stored.
//
//   bytes      the files of the model. The core does no I/O: `fetch` answers from a cache that the
//              embedder fills. When a range is missing it fails with Code::kNeedBytes after noting
//              the range; the facade returns it as need{file, offset, length}, and runs the same
//              (restartable) stage again when the embedder has provided the bytes.
//   cancel     polled by every loop over nodes or blocks: at least once per 1 ms of work.
//   budget     bytes the planner may hold for tensors at once (default 128 MB).
//   warnings   end in the report; each is one sentence.
#ifndef WHITTLE_CONTEXT_H_
#define WHITTLE_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "whittle/result.h"

namespace whittle {

// Index of a file in the source tree of the model.
enum class FileId : uint32_t {};

struct FileRange {
  FileId file{};
  uint64_t offset = 0;
  uint64_t length = 0;
};

// Bytes of the model's files, as far as they are in memory.
class ByteCache {
 public:
  virtual ~ByteCache() = default;
  // The bytes of `range`, valid until the next provide/evict; Code::kNeedBytes when absent.
  // kCorrupt when the range ends after the file.
  virtual Result<std::span<const uint8_t>> fetch(const FileRange& range) = 0;
  // Notes a range that will be wanted soon, so that many can be read in one round.
  virtual void want(const FileRange& range) = 0;
  // 64-bit, also where size_t has 32 bits.
  virtual uint64_t file_size(FileId file) const = 0;
  // Relative path with '/' separators, for messages.
  virtual const std::string& file_name(FileId file) const = 0;
};

class Context {
 public:
  explicit Context(ByteCache* bytes = nullptr) : bytes_(bytes) {}

  ByteCache* bytes() const { return bytes_; }

  void set_cancel(std::function<bool()> cancelled) { cancelled_ = std::move(cancelled); }
  bool cancelled() const { return cancelled_ && cancelled_(); }
  // Error{kCancelled} when the caller asked to stop.
  Status check_cancelled() const;

  uint64_t memory_budget() const { return memory_budget_; }
  void set_memory_budget(uint64_t bytes) { memory_budget_ = bytes; }

  // One sentence for the report. Equal sentences are kept once; at most 1000 are kept.
  void warn(std::string sentence);
  const std::vector<std::string>& warnings() const { return warnings_; }
  void clear_warnings() { warnings_.clear(); }

 private:
  ByteCache* bytes_;
  std::function<bool()> cancelled_;
  uint64_t memory_budget_ = uint64_t{128} << 20;
  std::vector<std::string> warnings_;
};

}  // namespace whittle

#endif  // WHITTLE_CONTEXT_H_
