#include "work.h"

#include <algorithm>
#include <cstring>

namespace whittle::quant {
namespace {

// The sign and payload of a NaN that arithmetic made differ from processor to processor.
double same_everywhere(double x) { return x == x ? x : std::numeric_limits<double>::quiet_NaN(); }

}  // namespace

Result<ScanWork> ScanWork::make(const TensorRef& ref, uint64_t channels, uint64_t inner) {
  WHITTLE_ASSIGN(StepChain chain, StepChain::make(ref.stored_dtype(), ref.elements(), ref.steps()));
  WHITTLE_ASSIGN(Scanner scanner, Scanner::make(chain.dtype(), channels, inner));
  ScanWork work(std::move(chain), std::move(scanner));
  if (!work.chain_.empty()) work.piece_.resize(kPiece * work.chain_.output_width() / 8);
  return work;
}

Status ScanWork::block(const uint8_t* bytes, size_t n) {
  hasher_.add(bytes, n);
  const size_t elements = n / chain_.input_width();
  if (chain_.empty()) {
    scanner_.add(bytes, elements);
    return {};
  }
  uint8_t* piece = reinterpret_cast<uint8_t*>(piece_.data());
  for (size_t i = 0; i < elements; i += kPiece) {
    const size_t count = std::min(kPiece, elements - i);
    chain_.run(bytes + i * chain_.input_width(), count_ + i, count, piece);
    scanner_.add(piece, count);
  }
  count_ += elements;
  return {};
}

ScanResult ScanWork::finish() const {
  ScanResult result;
  scanner_.finish(&result);
  result.hash = hasher_.finish();
  return result;
}

Result<EncodeWork> EncodeWork::make(const TensorRef& ref, bool statistics) {
  WHITTLE_ASSIGN(StepChain chain, StepChain::make(ref.stored_dtype(), ref.elements(), ref.steps()));
  EncodeWork work(std::move(chain));
  work.statistics_ = statistics;
  return work;
}

// Room for `bytes` more. It grows by doubling, up to what one push makes.
Result<uint8_t*> EncodeWork::room(size_t bytes) {
  const size_t capacity = output_ ? output_->size() : 0;
  if (capacity - used_ < bytes) {
    const uint64_t wanted = std::max<uint64_t>(uint64_t{used_} + bytes, uint64_t{2} * capacity);
    WHITTLE_ASSIGN(std::shared_ptr<Buffer> larger, Buffer::make(wanted));
    if (used_ > 0) std::memcpy(larger->data(), output_->data(), used_);
    output_ = std::move(larger);
  }
  return output_->data() + used_;
}

Status EncodeWork::block(const uint8_t* bytes, size_t n) {
  const size_t elements = n / chain_.input_width();
  const size_t produced = elements * chain_.output_width();
  WHITTLE_ASSIGN(uint8_t * out, room(produced));
  if (chain_.empty()) {
    std::memcpy(out, bytes, n);
  } else {
    ErrorSums* sums = statistics_ ? &sums_ : nullptr;
    for (size_t i = 0; i < elements; i += kPiece) {
      chain_.run(bytes + i * chain_.input_width(), count_ + i, std::min(kPiece, elements - i),
                 out + i * chain_.output_width(), sums);
    }
  }
  count_ += elements;
  used_ += produced;
  emitted_ += produced;
  return {};
}

std::span<const uint8_t> EncodeWork::output() const {
  return used_ == 0 ? std::span<const uint8_t>() : output_->span().first(used_);
}

EncodeResult EncodeWork::finish() const { return encode_result(sums_, emitted_); }

EncodeResult encode_result(const ErrorSums& sums, uint64_t bytes) {
  EncodeResult result;
  result.bytes = bytes;
  result.signal = same_everywhere(sums.signal);
  result.noise = same_everywhere(sums.noise);
  result.max_error = same_everywhere(sums.max_error);
  return result;
}

}  // namespace whittle::quant
