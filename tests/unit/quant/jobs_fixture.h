// jobs_fixture.h: jobs over tensors in memory, pushed whole or in random chunks.
#ifndef WHITTLE_TESTS_QUANT_JOBS_FIXTURE_H_
#define WHITTLE_TESTS_QUANT_JOBS_FIXTURE_H_

#include <algorithm>
#include <cstring>
#include <string>

#include "quant/kernel_inputs.h"
#include "support/bytes.h"
#include "whittle/crc32c.h"
#include "whittle/job.h"
#include "whittle/quant.h"

namespace whittle {

using Bytes = std::vector<uint8_t>;

template <class T>
Bytes bytes_of_values(const std::vector<T>& values) {
  Bytes out(values.size() * sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), values.data(), out.size());
  return out;
}

// A tensor at offset 1000 of file 3, with the checksum of `bytes`.
inline TensorRef file_ref(DType dtype, Shape shape, const Bytes& bytes, bool swap = false) {
  std::vector<FilePiece> pieces;
  if (!bytes.empty()) pieces.push_back({{FileId(3), 1000, bytes.size()}, 0, 1});
  return TensorRef::file(dtype, std::move(shape), std::move(pieces), crc32c(bytes), swap);
}

inline Step step_of(StepKind kind, DType dtype, const Shape& shape, std::vector<float> values = {},
                    uint64_t inner = 1) {
  Step s;
  s.kind = kind;
  s.dtype = dtype;
  s.shape = shape;
  s.inner = inner;
  if (!values.empty()) s.values = std::make_shared<const std::vector<float>>(std::move(values));
  return s;
}

inline Job job_of(JobKind kind, TensorRef tensor, uint64_t channels = 0, uint64_t inner = 1) {
  Job job;
  job.kind = kind;
  job.name = "conv1/kernel";
  job.tensor = std::move(tensor);
  job.channels = channels;
  job.inner = inner;
  return job;
}

struct JobRan {
  Bytes output, result;
  std::string error;  // of begin, push or end; "" when all went well
};

// next_chunk(bytes left) says how many bytes to push; 0 pushes nothing.
template <class NextChunk>
JobRan run_descriptor(const Bytes& descriptor, std::span<const uint8_t> input, NextChunk next_chunk) {
  JobRan ran;
  auto runner = JobRunner::begin(descriptor);
  if (!runner.ok()) {
    ran.error = runner.error().to_string();
    return ran;
  }
  do {
    const size_t n = std::min<size_t>(input.size(), next_chunk(input.size()));
    // A chunk of its own: reading outside of it, or after the push, is found by the sanitizers.
    const Bytes chunk(input.begin(), input.begin() + static_cast<ptrdiff_t>(n));
    input = input.subspan(n);
    const Status pushed = (*runner)->push(chunk);
    if (!pushed.ok()) {
      ran.error = pushed.error().to_string();
      return ran;
    }
    const std::span<const uint8_t> out = (*runner)->take();
    ran.output.insert(ran.output.end(), out.begin(), out.end());
  } while (!input.empty());
  auto result = (*runner)->end();
  if (result.ok()) {
    ran.result = std::move(result).value();
  } else {
    ran.error = result.error().to_string();
  }
  return ran;
}

inline JobRan run_whole(const Job& job, std::span<const uint8_t> input) {
  auto descriptor = serialize_job(job);
  if (!descriptor.ok()) return {{}, {}, descriptor.error().to_string()};
  return run_descriptor(*descriptor, input, [](size_t left) { return left; });
}

inline JobRan run_in_chunks(const Job& job, std::span<const uint8_t> input, uint64_t seed,
                         uint64_t largest) {
  auto descriptor = serialize_job(job);
  if (!descriptor.ok()) return {{}, {}, descriptor.error().to_string()};
  Random random(seed);
  return run_descriptor(*descriptor, input,
                        [&](size_t) { return static_cast<size_t>(random.below(largest + 1)); });
}

}  // namespace whittle

#endif  // WHITTLE_TESTS_QUANT_JOBS_FIXTURE_H_
