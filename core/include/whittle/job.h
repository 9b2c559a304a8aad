// job.h: the work on weight bytes, as plain data that any worker can do.
//
//   scan     one pass over a tensor (its steps applied): crc32c of the stored bytes, 128-bit hash,
//            min, max, finite, all equal, and the largest |w| per channel
//   encode   one pass that applies the steps and emits the bytes of the result
//   compare  two tensors of equal size, pushed in alternating blocks: equal after their steps?
//
// A descriptor is self-contained bytes (serialize/parse). The embedder reads job_pieces() in order
// and pushes their bytes in chunks of any size; output is taken as it comes, all of it by the last
// push; end() verifies the checksum and returns the result blob for the planner. The same
// descriptor and the same bytes give the same output and result on every target, whatever the
// chunks.
//
// Memory  constant (blocks of 64 KiB; compare: 1 MiB), what one push makes, some floats a channel.
// Errors  corrupt (checksum mismatch, too few bytes), naming the tensor; internal (too many bytes).
#ifndef WHITTLE_JOB_H_
#define WHITTLE_JOB_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "whittle/tensor_ref.h"

namespace whittle {

struct Hash128 {
  uint64_t lo = 0, hi = 0;
  bool operator==(const Hash128& o) const { return lo == o.lo && hi == o.hi; }
};

enum class JobKind : uint8_t { kScan = 0, kEncode = 1, kCompare = 2 };

struct Job {
  JobKind kind = JobKind::kEncode;
  std::string name;       // of the tensor, for messages
  TensorRef tensor;       // kFile storage
  TensorRef other;        // kCompare
  uint64_t channels = 0;  // kScan: 0 = no per-channel maxima
  uint64_t inner = 1;
};

struct ScanResult {
  uint32_t crc32c = 0;     // of the stored bytes as they lie in the file
  Hash128 hash;            // of the stored bytes, little-endian; of strings with their lengths
  bool all_equal = false;  // bit patterns of all elements after the steps; not when there is none
  std::vector<uint8_t> first;  // the first element after the steps, byte_width bytes
  bool finite = true;          // floats only
  double min = 0, max = 0;     // floats only, NaN ignored, +0 for -0; after the steps; without any
                               // number min is +inf and max -inf
  std::vector<float> absmax;   // per channel, NaN ignored, after the steps
};

struct EncodeResult {
  uint64_t bytes = 0;  // emitted
  // Sums of squares: original, original - decoded, where the original is what the first lossy step
  // is given (a scaled weight, say). 0 when no step is lossy.
  double signal = 0, noise = 0;
  double max_error = 0;  // the largest |original - decoded|
};

Result<std::vector<uint8_t>> serialize_job(const Job& job);
Result<Job> parse_job(std::span<const uint8_t> descriptor);
// Pieces to read, in order.
std::vector<FilePiece> job_pieces(const Job& job);
// Bytes that an encode job emits; known before anything is read.
uint64_t encoded_size(const TensorRef& tensor);

std::vector<uint8_t> serialize(const ScanResult& r);
Result<ScanResult> parse_scan_result(std::span<const uint8_t> blob);
std::vector<uint8_t> serialize(const EncodeResult& r);
Result<EncodeResult> parse_encode_result(std::span<const uint8_t> blob);
Result<bool> parse_compare_result(std::span<const uint8_t> blob);

class JobRunner {
 public:
  static Result<std::unique_ptr<JobRunner>> begin(std::span<const uint8_t> descriptor);
  virtual ~JobRunner() = default;
  // A multiple of nothing: any number of bytes, also 0. All are consumed.
  virtual Status push(std::span<const uint8_t> bytes) = 0;
  // Output since the last take(); valid until the next push().
  virtual std::span<const uint8_t> take() = 0;
  // After the last push: the result blob. corrupt when bytes are missing or the checksum differs.
  virtual Result<std::vector<uint8_t>> end() = 0;
};

}  // namespace whittle

#endif  // WHITTLE_JOB_H_
