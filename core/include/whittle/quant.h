// quant.h: schemes as rows, and the reference encoders and decoders.
//
//   half              float32 -> half, Cast back (quantization.md R1)
//   int8              float32 -> int8 codes and one float scale per output channel (R2)
//   quantize_weights  float32 -> quint8, the classic tool's codes, Dequantize MIN_FIRST
//
// Rounding is to nearest, ties to even. Scales are rounded to float32 before codes are chosen.
#ifndef WHITTLE_QUANT_H_
#define WHITTLE_QUANT_H_

#include <cstdint>
#include <span>
#include <vector>

#include "whittle/job.h"
#include "whittle/tensor_ref.h"

namespace whittle {

// Stored bytes with all steps applied, in memory; errors as load_stored.
Result<Tensor> load(const TensorRef& ref, Context& ctx);
// Applies steps to a tensor in memory, with the same kernels as the jobs.
Result<Tensor> apply_steps(Tensor tensor, const std::vector<Step>& steps);

// load() with the error statistics that an encode job gives: for tensors that need no job.
struct Encoded {
  Tensor tensor;
  EncodeResult result;
};
Result<Encoded> encode_in_memory(const TensorRef& ref, Context& ctx);

// Scan of a tensor that is in memory (owned, splat, or small and cached). A splat is hashed as if
// it were written out, up to 16 MiB; a larger one has a hash of its own and no crc32c, and is
// refused (limit) with steps by channel.
Result<ScanResult> scan_in_memory(const TensorRef& ref, uint64_t channels, uint64_t inner,
                                  Context& ctx);

// Scales for int8 from the largest |w| per channel: absmax / 127 rounded to float; 1 for an
// all-zero channel and for one whose scale would be subnormal (quantization.md §3.3) or infinite.
std::vector<float> int8_scales(std::span<const float> absmax);

// The classic tool's range for a tensor (graph-transforms.md §6.17), corrected: its maximum started
// at the smallest positive float instead of the lowest, and a step that would be subnormal, which
// decodes to NaN, gives the range of zeros, {0, 1}. min <= 0 <= max, min < max. The range of finite
// weights may still overflow: max - min is infinite above 3.4e38, and the codes are worthless.
struct QuantizeRange {
  float min = 0, max = 0;
};
QuantizeRange quantize_weights_range(double min, double max);

// The range of round_weights (§6.25), with the same start of the maximum: not widened to hold 0.
QuantizeRange round_weights_range(double min, double max);

}  // namespace whittle

#endif  // WHITTLE_QUANT_H_
