// tensor_input.h: the stored bytes of one tensor, pushed in chunks, cut into blocks, checked.
//
//   push(any chunk) -> crc32c -> blocks of 64 KiB, little-endian, aligned -> BlockSink
//
// Blocks lie at multiples of kBlock from the front of the tensor whatever the chunks were, so what
// a sink computes does not depend on them. A block is handed over where it lies when it is whole,
// aligned and needs no byte swap; copied together otherwise.
#ifndef WHITTLE_QUANT_TENSOR_INPUT_H_
#define WHITTLE_QUANT_TENSOR_INPUT_H_

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "whittle/buffer.h"
#include "whittle/tensor_ref.h"

namespace whittle::quant {

// Whole elements of every width, and a small part of any second-level cache.
constexpr size_t kBlock = 65536;

class BlockSink {
 public:
  virtual ~BlockSink() = default;
  // The next n <= kBlock bytes of the tensor, less than kBlock only at its end.
  virtual Status block(const uint8_t* bytes, size_t n) = 0;
};

class TensorInput {
 public:
  // `name` is for messages. `expected_crc32c` is compared at the end when there is one.
  static Result<TensorInput> make(std::string name, DType dtype, uint64_t byte_size,
                                  bool swap_bytes, std::optional<uint32_t> expected_crc32c);

  uint64_t missing() const { return size_ - received_; }
  // At most missing() bytes: more is an error of the caller's, and internal. The last push hands
  // over the last block.
  Status push(std::span<const uint8_t> bytes, BlockSink& sink);
  // corrupt when bytes are missing or their checksum is not the expected one.
  Status finish() const;
  uint32_t crc32c() const { return crc_; }

 private:
  Status feed(const uint8_t* bytes, size_t n, BlockSink& sink);
  Status flush(BlockSink& sink);

  std::string name_;
  uint32_t width_ = 1;
  uint32_t swap_width_ = 1;  // 1: nothing to swap
  uint64_t size_ = 0;
  uint64_t received_ = 0;
  uint32_t crc_ = 0;
  std::optional<uint32_t> expected_;
  std::shared_ptr<Buffer> block_;
  size_t held_ = 0;  // bytes in block_
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_TENSOR_INPUT_H_
