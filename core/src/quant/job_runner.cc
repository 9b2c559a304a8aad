// JobRunner: scan, encode and compare jobs over pushed bytes.
#include <algorithm>
#include <cstring>

#include "hash.h"
#include "scanner.h"
#include "step_chain.h"
#include "tensor_input.h"
#include "whittle/job.h"
#include "whittle/text.h"
#include "work.h"

namespace whittle {
namespace quant {
namespace {

Result<TensorInput> input_of(const TensorRef& ref, const std::string& name) {
  WHITTLE_ASSIGN(const uint64_t bytes, byte_size(ref.stored_dtype(), ref.stored_shape()));
  return TensorInput::make(name, ref.stored_dtype(), bytes, ref.swap_bytes(), ref.crc32c());
}

class ScanRunner final : public JobRunner {
 public:
  ScanRunner(TensorInput input, ScanWork work) : input_(std::move(input)), work_(std::move(work)) {}

  Status push(std::span<const uint8_t> bytes) override { return input_.push(bytes, work_); }
  std::span<const uint8_t> take() override { return {}; }
  Result<std::vector<uint8_t>> end() override {
    WHITTLE_CHECK(input_.finish());
    ScanResult result = work_.finish();
    result.crc32c = input_.crc32c();
    return serialize(result);
  }

 private:
  TensorInput input_;
  ScanWork work_;
};

class EncodeRunner final : public JobRunner {
 public:
  EncodeRunner(TensorInput input, EncodeWork work)
      : input_(std::move(input)), work_(std::move(work)) {}

  Status push(std::span<const uint8_t> bytes) override {
    if (taken_) work_.clear_output();
    taken_ = false;
    return input_.push(bytes, work_);
  }
  std::span<const uint8_t> take() override {
    // A second take without a push in between has nothing new.
    if (taken_) return {};
    taken_ = true;
    return work_.output();
  }
  Result<std::vector<uint8_t>> end() override {
    WHITTLE_CHECK(input_.finish());
    return serialize(work_.finish());
  }

 private:
  TensorInput input_;
  EncodeWork work_;
  bool taken_ = false;
};

// Blocks of the one and the other tensor alternate (job_pieces): the first is kept, encoded, until
// the second has come.
class CompareRunner final : public JobRunner {
 public:
  CompareRunner(TensorInput a, EncodeWork encode_a, TensorInput b, EncodeWork encode_b)
      : inputs_{std::move(a), std::move(b)}, works_{std::move(encode_a), std::move(encode_b)} {
    begin_side();
  }

  Status push(std::span<const uint8_t> bytes) override {
    while (!bytes.empty()) {
      if (left_ == 0) return internal_error("a compare job was given more than its bytes");
      const size_t n = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
      WHITTLE_CHECK(inputs_[side_].push(bytes.first(n), works_[side_]));
      bytes = bytes.subspan(n);
      left_ -= n;
      if (left_ == 0) next_side();
    }
    return {};
  }
  std::span<const uint8_t> take() override { return {}; }
  Result<std::vector<uint8_t>> end() override {
    for (const TensorInput& input : inputs_) WHITTLE_CHECK(input.finish());
    return std::vector<uint8_t>{static_cast<uint8_t>(equal_ ? 1 : 0)};
  }

 private:
  void begin_side() { left_ = std::min<uint64_t>(kCompareBlock, inputs_[side_].missing()); }
  void next_side() {
    if (side_ == 1) settle();
    side_ = 1 - side_;
    begin_side();
  }
  void settle() {
    const std::span<const uint8_t> a = works_[0].output(), b = works_[1].output();
    equal_ = equal_ && a.size() == b.size() &&
             (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
    for (EncodeWork& work : works_) work.clear_output();
  }

  TensorInput inputs_[2];
  EncodeWork works_[2];
  int side_ = 0;
  uint64_t left_ = 0;  // bytes of the block that side_ is at
  bool equal_ = true;
};

}  // namespace
}  // namespace quant

Result<std::unique_ptr<JobRunner>> JobRunner::begin(std::span<const uint8_t> descriptor) {
  using namespace quant;
  WHITTLE_ASSIGN(const Job job, parse_job(descriptor));
  WHITTLE_ASSIGN(TensorInput input, input_of(job.tensor, job.name));
  if (job.kind == JobKind::kScan) {
    WHITTLE_ASSIGN(ScanWork work, ScanWork::make(job.tensor, job.channels, job.inner));
    return std::unique_ptr<JobRunner>(new ScanRunner(std::move(input), std::move(work)));
  }
  const bool encode = job.kind == JobKind::kEncode;
  WHITTLE_ASSIGN(EncodeWork work, EncodeWork::make(job.tensor, encode));
  if (encode)
    return std::unique_ptr<JobRunner>(new EncodeRunner(std::move(input), std::move(work)));
  WHITTLE_ASSIGN(TensorInput other, input_of(job.other, job.name));
  WHITTLE_ASSIGN(EncodeWork other_work, EncodeWork::make(job.other, false));
  return std::unique_ptr<JobRunner>(new CompareRunner(std::move(input), std::move(work),
                                                      std::move(other), std::move(other_work)));
}

}  // namespace whittle
