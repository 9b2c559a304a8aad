// buffer.h: a fixed-size block of bytes whose allocation can fail politely.
//
// Every request whose size comes from a file goes through Buffer::make, which answers with
// Error{kLimit} where new[] would end the process.
//
// Memory   16-byte aligned, freed with the last owner. Limit: 1 TiB, and what the target has.
// Threads  as a std::vector: shared reading is fine.
#ifndef WHITTLE_BUFFER_H_
#define WHITTLE_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "whittle/result.h"

namespace whittle {

class Buffer {
 public:
  static Result<std::shared_ptr<Buffer>> make(uint64_t size);  // zero-filled
  static Result<std::shared_ptr<Buffer>> copy_of(std::span<const uint8_t> bytes);
  ~Buffer();
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<const uint8_t> span() const { return {data_, size_}; }

 private:
  Buffer(void* allocation, uint8_t* data, size_t size)
      : allocation_(allocation), data_(data), size_(size) {}
  static Result<std::shared_ptr<Buffer>> allocate(uint64_t size, bool zeroed);

  void* allocation_;  // what free() takes; data_ is its first aligned byte
  uint8_t* data_;
  size_t size_;
};

}  // namespace whittle

#endif  // WHITTLE_BUFFER_H_
