#include "whittle/buffer.h"

#include <cstdlib>
#include <cstring>

#include "whittle/text.h"

namespace whittle {
namespace {

constexpr uint64_t kMaxBytes = uint64_t{1} << 40;
constexpr size_t kAlignment = 16;

}  // namespace

Result<std::shared_ptr<Buffer>> Buffer::allocate(uint64_t size, bool zeroed) {
  if (size > kMaxBytes || size > SIZE_MAX - kAlignment) {
    return over_limit(cat("a block of ", human_bytes(size), " does not fit into memory"));
  }
  const size_t bytes = static_cast<size_t>(size) + kAlignment;
  // calloc gets untouched pages from the system where malloc + memset would write them all.
  void* allocation = zeroed ? std::calloc(bytes, 1) : std::malloc(bytes);
  if (allocation == nullptr) {
    return over_limit(cat("no memory for a block of ", human_bytes(size)));
  }
  const uintptr_t address = reinterpret_cast<uintptr_t>(allocation);
  const size_t skip = (kAlignment - address % kAlignment) % kAlignment;
  uint8_t* data = static_cast<uint8_t*>(allocation) + skip;
  return std::shared_ptr<Buffer>(new Buffer(allocation, data, static_cast<size_t>(size)));
}

Result<std::shared_ptr<Buffer>> Buffer::make(uint64_t size) { return allocate(size, true); }

Result<std::shared_ptr<Buffer>> Buffer::copy_of(std::span<const uint8_t> bytes) {
  WHITTLE_ASSIGN(std::shared_ptr<Buffer> buffer, allocate(bytes.size(), false));
  if (!bytes.empty()) std::memcpy(buffer->data(), bytes.data(), bytes.size());
  return buffer;
}

Buffer::~Buffer() { std::free(allocation_); }

}  // namespace whittle
