// tensor_ref.h: a tensor whose dtype, shape and size are known and whose bytes are somewhere.
//
//   storage   owned    a Tensor in memory (also every string tensor)
//             file     runs of bytes of the model's files, with the checksum the bundle states
//             splat    one element, repeated
//   steps     plain data applied in order when the bytes are read or written; because they are
//             plain data, "this storage, these steps" can be handed to any worker and gives the
//             same bytes everywhere.
//
// Channels  per-channel steps address channel(i) = (i / inner) % channels for the row-major
//           element index i. [kh,kw,cin,cout] per cout: channels = cout, inner = 1. [out,in] per
//           row: channels = out, inner = in. Depthwise [kh,kw,cin,mult]: channels = cin * mult.
// Memory    copies are cheap (shared, immutable).
#ifndef WHITTLE_TENSOR_REF_H_
#define WHITTLE_TENSOR_REF_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "whittle/context.h"
#include "whittle/dtype.h"
#include "whittle/file_piece.h"
#include "whittle/result.h"
#include "whittle/shape.h"
#include "whittle/tensor.h"

namespace whittle {

enum class StepKind : uint8_t {
  kCast,             // float32 -> half or bfloat16, round to nearest even
  kScaleChannels,    // float32 w[i] * values[channel(i)]: how a batch norm is folded
  kInt8Channels,     // float32 -> int8 code, values = scale per channel (quantization.md §7.1)
  kQuantizeWeights,  // float32 -> quint8, the classic tool's codes; values = {min, max}
  kRoundWeights,     // float32 -> float32, the classic tool; values = {min, max, num_steps}
  kReshape,          // same bytes, another shape
};

struct Step {
  StepKind kind = StepKind::kReshape;
  DType dtype = DType::kInvalid;  // of the result
  Shape shape;                    // of the result
  uint64_t inner = 1;             // per-channel steps
  std::shared_ptr<const std::vector<float>> values;
};

class TensorRef {
 public:
  enum class Kind : uint8_t { kNone, kOwned, kFile, kSplat };

  // Makers take shapes that are fully defined and whose byte_size() has been found to be ok; file()
  // takes pieces of just as many bytes (all asserted).
  TensorRef() = default;
  static TensorRef owned(Tensor tensor);
  // The pieces, end to end, are the row-major bytes. `crc32c` (not masked) is that of all of them.
  // Bytes cut out of the middle of something have none; `checks` are then the ranges that they come
  // from, with the checksums of those: load_stored() verifies them, jobs know nothing of them.
  static TensorRef file(DType dtype, Shape shape, std::vector<FilePiece> pieces,
                        std::optional<uint32_t> crc32c, bool swap_bytes,
                        std::vector<FileCheck> checks = {});
  // `element` has byte_width(dtype) bytes (or is one string); any element count, also 0, also more
  // than fits into memory.
  static TensorRef splat(DType dtype, Shape shape, std::vector<uint8_t> element);
  static TensorRef splat_string(Shape shape, std::string element);

  bool empty() const { return storage_ == nullptr; }
  Kind kind() const;
  DType dtype() const;          // after the steps
  const Shape& shape() const;   // after the steps; always fully defined
  uint64_t elements() const;    // fits: checked when made
  // Bytes of the values: elements * width; for strings the sum of their lengths plus varint lengths.
  uint64_t byte_size() const;

  DType stored_dtype() const;
  const Shape& stored_shape() const;
  const std::vector<FilePiece>& pieces() const;       // kFile
  std::optional<uint32_t> crc32c() const;             // kFile
  bool swap_bytes() const;                            // kFile
  const std::vector<FileCheck>& checks() const;       // kFile
  const Tensor& tensor() const;                       // kOwned
  const std::vector<uint8_t>& splat_element() const;  // kSplat
  const std::string& splat_text() const;              // kSplat of strings
  const std::vector<Step>& steps() const { return steps_; }

  TensorRef with_step(Step step) const;
  TensorRef reshaped(Shape shape) const;

  // Same storage object and equal steps: certainly equal bytes (the reverse need not hold).
  bool same_source(const TensorRef& other) const;
  // Identity of the storage, stable while any copy lives: a key for scan results.
  const void* storage_id() const { return storage_.get(); }

 private:
  struct Storage;
  std::shared_ptr<const Storage> storage_;
  std::vector<Step> steps_;
};

// The stored bytes in memory, before any step. kLimit above ctx.memory_budget(), kCorrupt when their
// checksum is not the stated one, kNeedBytes when they are not in the cache yet. The steps are
// applied by quant.h's load(), which lies above this layer.
Result<Tensor> load_stored(const TensorRef& ref, Context& ctx);
// Notes the stored bytes as wanted soon; nothing to do for a tensor that lies in no file.
void want_stored(const TensorRef& ref, Context& ctx);

// The box [start, start + extent) of `axis`, all other axes whole. Values per channel are cut along
// where the channels are, or lie within, axes of the shape; unsupported otherwise, and through a
// kReshape. The slice has no checksum: verify the whole first.
Result<TensorRef> slice_axis(const TensorRef& ref, int axis, int64_t start, int64_t extent);

}  // namespace whittle

#endif  // WHITTLE_TENSOR_REF_H_
