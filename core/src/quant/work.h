// work.h: what a scan and an encoding do with the blocks of a tensor, in a job or in memory.
#ifndef WHITTLE_QUANT_WORK_H_
#define WHITTLE_QUANT_WORK_H_

#include <memory>
#include <span>
#include <vector>

#include "hash.h"
#include "scanner.h"
#include "step_chain.h"
#include "tensor_input.h"
#include "whittle/job.h"

namespace whittle::quant {

// Compare jobs take the two tensors in turns of this many stored bytes: large enough for reading
// files, small enough to keep one encoded turn.
constexpr uint64_t kCompareBlock = uint64_t{1} << 20;

EncodeResult encode_result(const ErrorSums& sums, uint64_t bytes);

// Hash of the stored bytes; everything else after the steps. crc32c is left to the caller.
class ScanWork final : public BlockSink {
 public:
  static Result<ScanWork> make(const TensorRef& ref, uint64_t channels, uint64_t inner);

  Status block(const uint8_t* bytes, size_t n) override;
  ScanResult finish() const;

 private:
  ScanWork(StepChain chain, Scanner scanner)
      : chain_(std::move(chain)), scanner_(std::move(scanner)) {}

  StepChain chain_;
  Scanner scanner_;
  Hasher hasher_;
  uint64_t count_ = 0;           // elements so far
  std::vector<uint64_t> piece_;  // a piece after the steps
};

// The bytes after the steps, collected until clear_output().
class EncodeWork final : public BlockSink {
 public:
  static Result<EncodeWork> make(const TensorRef& ref, bool statistics);

  Status block(const uint8_t* bytes, size_t n) override;
  std::span<const uint8_t> output() const;
  void clear_output() { used_ = 0; }
  EncodeResult finish() const;

 private:
  explicit EncodeWork(StepChain chain) : chain_(std::move(chain)) {}
  Result<uint8_t*> room(size_t bytes);

  StepChain chain_;
  bool statistics_ = false;
  ErrorSums sums_;
  uint64_t count_ = 0;
  uint64_t emitted_ = 0;
  std::shared_ptr<Buffer> output_;
  size_t used_ = 0;
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_WORK_H_
