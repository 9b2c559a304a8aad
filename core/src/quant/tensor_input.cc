#include "tensor_input.h"

#include <algorithm>
#include <cstring>

#include "kernels.h"
#include "whittle/crc32c.h"
#include "whittle/text.h"

namespace whittle::quant {
namespace {

// The checksum is faster over long runs (crc32c.h); this much still lies in the second-level cache
// when the blocks are worked on.
constexpr size_t kChecksumRun = 4 * kBlock;

std::string hex(uint32_t value) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text = "0x";
  for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[(value >> shift) & 15];
  return text;
}

}  // namespace

Result<TensorInput> TensorInput::make(std::string name, DType dtype, uint64_t byte_size,
                                      bool swap_bytes, std::optional<uint32_t> expected_crc32c) {
  TensorInput input;
  input.name_ = std::move(name);
  input.width_ = byte_width(dtype);
  if (input.width_ == 0) return corrupt(cat("elements of ", dtype_name(dtype), " have no size"));
  input.swap_width_ = swap_bytes ? swap_width(dtype) : 1;
  input.size_ = byte_size;
  input.expected_ = expected_crc32c;
  WHITTLE_ASSIGN(input.block_, Buffer::make(kBlock));
  return input;
}

Status TensorInput::push(std::span<const uint8_t> bytes, BlockSink& sink) {
  if (bytes.size() > missing()) {
    return internal_error(
        cat("tensor ", printable(name_), " was given more than its ", size_, " bytes"));
  }
  while (!bytes.empty()) {
    const size_t n = std::min(bytes.size(), kChecksumRun);
    crc_ = crc32c_extend(crc_, bytes.first(n));
    received_ += n;
    WHITTLE_CHECK(feed(bytes.data(), n, sink));
    bytes = bytes.subspan(n);
  }
  if (missing() == 0 && held_ > 0) return flush(sink);
  return {};
}

Status TensorInput::feed(const uint8_t* bytes, size_t n, BlockSink& sink) {
  while (n > 0) {
    const bool aligned = reinterpret_cast<uintptr_t>(bytes) % std::min<size_t>(width_, 8) == 0;
    if (held_ == 0 && n >= kBlock && aligned && swap_width_ == 1) {
      WHITTLE_CHECK(sink.block(bytes, kBlock));
      bytes += kBlock;
      n -= kBlock;
      continue;
    }
    const size_t taken = std::min(n, kBlock - held_);
    std::memcpy(block_->data() + held_, bytes, taken);
    held_ += taken;
    bytes += taken;
    n -= taken;
    if (held_ == kBlock) WHITTLE_CHECK(flush(sink));
  }
  return {};
}

Status TensorInput::flush(BlockSink& sink) {
  uint8_t* block = block_->data();
  if (swap_width_ > 1) kernels().byte_swap(block, held_, swap_width_, block);
  const size_t n = held_;
  held_ = 0;
  return sink.block(block, n);
}

Status TensorInput::finish() const {
  if (missing() > 0) {
    return corrupt(
        cat("tensor ", printable(name_), " ends after ", received_, " of its ", size_, " bytes"));
  }
  if (expected_ && *expected_ != crc_) {
    return corrupt(cat("the checksum of tensor ", printable(name_), " should be ", hex(*expected_),
                       " but is ", hex(crc_)));
  }
  return {};
}

}  // namespace whittle::quant
