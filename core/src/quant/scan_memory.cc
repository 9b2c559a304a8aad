// scan_in_memory: the scan of tensors that need no job.
#include <algorithm>
#include <cstring>

#include "kernels.h"
#include "whittle/crc32c.h"
#include "whittle/math.h"
#include "whittle/quant.h"
#include "whittle/text.h"
#include "whittle/wire.h"
#include "work.h"

namespace whittle {
namespace {

// Splats above this are not written out: 16 MiB are looked at.
constexpr uint64_t kSplatBytes = uint64_t{16} << 20;

// Each string with its length in front, hashed as numbers are.
class StringScan {
 public:
  void add(const std::string& s) {
    std::string length;
    append_varint(length, s.size());
    add_bytes(length);
    add_bytes(s);
  }
  void finish(ScanResult* result) const {
    result->hash = hasher_.finish();
    result->crc32c = crc_;
  }

 private:
  void add_bytes(const std::string& s) {
    const uint8_t* p = reinterpret_cast<const uint8_t*>(s.data());
    hasher_.add(p, s.size());
    crc_ = crc32c_extend(crc_, {p, s.size()});
  }
  quant::Hasher hasher_;
  uint32_t crc_ = 0;
};

Result<ScanResult> scan_strings(const TensorRef& ref, Context& ctx) {
  const bool reshapes_only = std::all_of(ref.steps().begin(), ref.steps().end(), [](const Step& s) {
    return s.kind == StepKind::kReshape;
  });
  if (!reshapes_only) return corrupt("a step needs float32 elements, not string");
  WHITTLE_ASSIGN(const Tensor t, load_stored(ref, ctx));
  StringScan scan;
  ScanResult result;
  result.all_equal = !t.strings().empty();
  for (const std::string& s : t.strings()) {
    scan.add(s);
    result.all_equal = result.all_equal && s == t.strings().front();
  }
  scan.finish(&result);
  return result;
}

// Feeds the stored bytes of a tensor of `size` bytes in blocks; `at(offset, n)` gives them.
template <class At>
Result<ScanResult> scan_blocks(const TensorRef& ref, quant::ScanWork& work, uint64_t size,
                               Context& ctx, At at) {
  const uint32_t swap = ref.swap_bytes() ? swap_width(ref.stored_dtype()) : 1;
  std::vector<uint8_t> as_in_file(swap > 1 ? quant::kBlock : 0);
  uint32_t crc = 0;
  for (uint64_t i = 0; i < size; i += quant::kBlock) {
    WHITTLE_CHECK(ctx.check_cancelled());
    const size_t n = static_cast<size_t>(std::min<uint64_t>(quant::kBlock, size - i));
    const uint8_t* bytes = at(i, n);
    WHITTLE_CHECK(work.block(bytes, n));
    if (swap > 1) {
      quant::kernels().byte_swap(bytes, n, swap, as_in_file.data());
      bytes = as_in_file.data();
    }
    crc = crc32c_extend(crc, {bytes, n});
  }
  ScanResult result = work.finish();
  result.crc32c = crc;
  return result;
}

Result<ScanResult> scan_splat(const TensorRef& ref, quant::ScanWork& work, uint64_t channels,
                              uint64_t inner, Context& ctx) {
  const uint64_t width = ref.splat_element().size();
  const uint64_t most = kSplatBytes / width;  // elements
  const uint64_t elements = std::min(ref.elements(), most);
  if (elements < ref.elements()) {
    // Equal elements stay equal unless a step tells channels apart; then all channels must be seen.
    uint64_t period = 0;
    bool fits = !mul_overflows(std::max<uint64_t>(channels, 1), inner, &period) && period <= most;
    for (const Step& s : ref.steps()) {
      if (s.kind == StepKind::kScaleChannels || s.kind == StepKind::kInt8Channels) fits = false;
    }
    if (!fits)
      return over_limit(
          cat("a repeated element of ", human_bytes(ref.byte_size()), " has steps by channel"));
  }
  WHITTLE_ASSIGN(std::shared_ptr<Buffer> block, Buffer::make(quant::kBlock));
  for (size_t i = 0; i < quant::kBlock; i += static_cast<size_t>(width)) {
    std::memcpy(block->data() + i, ref.splat_element().data(), static_cast<size_t>(width));
  }
  WHITTLE_ASSIGN(ScanResult result, scan_blocks(ref, work, elements * width, ctx,
                                                [&](uint64_t, size_t) { return block->data(); }));
  if (elements < ref.elements()) {
    result.hash.lo ^= ref.elements();  // unlike any tensor that is written out
    result.crc32c = 0;
  }
  return result;
}

}  // namespace

Result<ScanResult> scan_in_memory(const TensorRef& ref, uint64_t channels, uint64_t inner,
                                  Context& ctx) {
  if (ref.empty()) return internal_error("an empty TensorRef was scanned");
  if (ref.stored_dtype() == DType::kString) return scan_strings(ref, ctx);
  WHITTLE_ASSIGN(auto work, quant::ScanWork::make(ref, channels, inner));
  if (ref.kind() == TensorRef::Kind::kSplat) return scan_splat(ref, work, channels, inner, ctx);
  WHITTLE_ASSIGN(const Tensor t, load_stored(ref, ctx));
  const uint8_t* bytes = t.bytes().data();
  return scan_blocks(ref, work, t.byte_size(), ctx, [&](uint64_t i, size_t) { return bytes + i; });
}

}  // namespace whittle
