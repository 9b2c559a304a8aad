// load_stored: the bytes of a TensorRef, gathered from wherever they are.
#include <algorithm>

#include "whittle/crc32c.h"
#include "whittle/tensor_ref.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// Runs with smaller gaps are fetched together, in windows of this size.
constexpr uint64_t kSmallGap = 4096;
constexpr uint64_t kWindow = uint64_t{4} << 20;

std::string place_of(const FileRange& range, Context& ctx) {
  return cat(printable(ctx.bytes()->file_name(range.file)), " at byte ", range.offset);
}

// Fetches all ranges of one round: what is missing is noted as a whole before the round ends.
class Gatherer {
 public:
  explicit Gatherer(Context& ctx) : ctx_(ctx) {}

  // The bytes, or nothing while they are missing.
  Result<std::span<const uint8_t>> fetch(const FileRange& range) {
    WHITTLE_CHECK(ctx_.check_cancelled());
    Result<std::span<const uint8_t>> bytes = ctx_.bytes()->fetch(range);
    if (!bytes.ok() && bytes.error().code == Code::kNeedBytes) {
      missing_ = true;
      return std::span<const uint8_t>();
    }
    return bytes;
  }
  bool missing() const { return missing_; }
  Status end() const {
    if (missing_) return Error{Code::kNeedBytes, "bytes are not in memory yet", {}};
    return {};
  }

 private:
  Context& ctx_;
  bool missing_ = false;
};

// Copies the runs of `piece` to `out`, several runs to a fetch where they lie close together.
Status gather(const FilePiece& piece, Gatherer& from, uint8_t* out) {
  const uint64_t length = piece.range.length;
  const bool dense = piece.count > 1 && piece.stride >= length && piece.stride - length <= kSmallGap;
  const uint64_t at_once = dense ? std::max<uint64_t>(1, kWindow / piece.stride) : 1;
  for (uint64_t first = 0; first < piece.count; first += at_once) {
    const uint64_t runs = std::min(at_once, piece.count - first);
    FileRange window = piece.range;
    window.offset += first * piece.stride;
    window.length = (runs - 1) * piece.stride + length;
    WHITTLE_ASSIGN(const std::span<const uint8_t> bytes, from.fetch(window));
    if (bytes.empty()) continue;
    for (uint64_t run = 0; run < runs; ++run) {
      std::memcpy(out, bytes.data() + run * piece.stride, static_cast<size_t>(length));
      out += length;
    }
  }
  return {};
}

void swap_elements(uint8_t* bytes, size_t size, uint32_t width) {
  if (width < 2) return;
  for (size_t at = 0; at + width <= size; at += width) std::reverse(bytes + at, bytes + at + width);
}

Status verify(const FileCheck& check, Gatherer& from, Context& ctx) {
  uint32_t crc = 0;
  for (uint64_t done = 0; done < check.range.length; done += kWindow) {
    FileRange window = check.range;
    window.offset += done;
    window.length = std::min(kWindow, check.range.length - done);
    WHITTLE_ASSIGN(const std::span<const uint8_t> bytes, from.fetch(window));
    crc = crc32c_extend(crc, bytes);
  }
  if (from.missing() || crc == check.crc32c) return {};
  return corrupt("the checksum of the values is wrong").in(place_of(check.range, ctx));
}

Result<Tensor> load_file(const TensorRef& ref, Context& ctx) {
  if (ctx.bytes() == nullptr) return internal_error("there are no files to load a tensor from");
  WHITTLE_ASSIGN(Tensor tensor, Tensor::make(ref.stored_dtype(), ref.stored_shape()));
  Gatherer from(ctx);
  uint8_t* out = tensor.mutable_bytes();
  for (const FilePiece& piece : ref.pieces()) {
    WHITTLE_CHECK(gather(piece, from, out));
    out += piece.total();
  }
  for (const FileCheck& check : ref.checks()) WHITTLE_CHECK(verify(check, from, ctx));
  WHITTLE_CHECK(from.end());
  if (ref.crc32c().has_value() && crc32c(tensor.bytes()) != *ref.crc32c()) {
    Error wrong = corrupt("the checksum of the values is wrong");
    if (ref.pieces().empty()) return wrong;
    return std::move(wrong).in(place_of(ref.pieces().front().range, ctx));
  }
  if (ref.swap_bytes()) {
    swap_elements(tensor.mutable_bytes(), tensor.bytes().size(), swap_width(tensor.dtype()));
  }
  return tensor;
}

Result<Tensor> load_splat(const TensorRef& ref) {
  if (ref.stored_dtype() == DType::kString) {
    return Tensor(ref.stored_shape(), std::vector<std::string>(static_cast<size_t>(ref.elements()),
                                                               ref.splat_text()));
  }
  WHITTLE_ASSIGN(Tensor tensor, Tensor::make(ref.stored_dtype(), ref.stored_shape()));
  const std::vector<uint8_t>& element = ref.splat_element();
  uint8_t* out = tensor.mutable_bytes();
  for (uint64_t i = 0; i < ref.elements(); ++i, out += element.size()) {
    std::memcpy(out, element.data(), element.size());
  }
  return tensor;
}

}  // namespace

Result<Tensor> load_stored(const TensorRef& ref, Context& ctx) {
  if (ref.kind() == TensorRef::Kind::kNone) return internal_error("an empty TensorRef was loaded");
  if (ref.kind() == TensorRef::Kind::kOwned) return ref.tensor();
  uint64_t bytes = ref.elements();
  if (ref.stored_dtype() == DType::kString) {
    // Each string takes its object besides its bytes.
    if (bytes > ctx.memory_budget() / sizeof(std::string)) bytes = UINT64_MAX;
    else bytes = bytes * sizeof(std::string) + ref.byte_size();
  } else {
    WHITTLE_ASSIGN(bytes, byte_size(ref.stored_dtype(), ref.stored_shape()));
  }
  if (bytes > ctx.memory_budget()) {
    return over_limit(cat("a tensor ", ref.stored_shape().to_string(), " of ",
                          dtype_name(ref.stored_dtype()), " is above the memory budget of ",
                          human_bytes(ctx.memory_budget())));
  }
  return ref.kind() == TensorRef::Kind::kFile ? load_file(ref, ctx) : load_splat(ref);
}

void want_stored(const TensorRef& ref, Context& ctx) {
  if (ref.kind() != TensorRef::Kind::kFile) return;
  for (const FilePiece& piece : ref.pieces()) {
    for (uint64_t k = 0; k < piece.count; ++k) {
      ctx.bytes()->want({piece.range.file, piece.range.offset + k * piece.stride, piece.range.length});
    }
  }
}

}  // namespace whittle
