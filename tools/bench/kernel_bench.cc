#include "kernel_bench.h"

#include <cstring>
#include <memory>
#include <vector>

#include "quant/hash.h"
#include "quant/kernels.h"
#include "whittle/crc32c.h"
#include "whittle/job.h"
#include "whittle/quant.h"

#if defined(__EMSCRIPTEN__)
#include <emscripten.h>
#else
#define EMSCRIPTEN_KEEPALIVE
#endif

namespace whittle {
namespace {

constexpr size_t kChannels = 512;  // [n, 512], the shape of the bound in the speed table

struct Bench {
  std::shared_ptr<Buffer> input, output;
  size_t n = 0;  // floats, a multiple of kChannels
  std::vector<float> scales, inverses, absmax;
  std::vector<uint8_t> scan_job, int8_job, half_job;
  uint64_t sink = 0;  // results end here, so that nothing is optimized away

  const float* x() const { return reinterpret_cast<const float*>(input->data()); }
  float* y() { return reinterpret_cast<float*>(output->data()); }
};
Bench bench;

void run_memcpy() { std::memcpy(bench.output->data(), bench.input->data(), bench.n * 4); }

void run_range() {
  quant::FloatRange r;
  quant::kernels().range(bench.x(), bench.n, &r);
  bench.sink += r.nan ? 1 : 0;
}

void run_absmax() {
  std::fill(bench.absmax.begin(), bench.absmax.end(), 0.0f);
  quant::kernels().absmax_columns(bench.x(), bench.n / kChannels, kChannels, bench.absmax.data());
}

// Row by row with the same scales, as the step does it.
void run_int8_codes() {
  int8_t* codes = reinterpret_cast<int8_t*>(bench.output->data());
  for (size_t i = 0; i < bench.n; i += kChannels) {
    quant::kernels().int8_encode(bench.x() + i, bench.scales.data(), bench.inverses.data(),
                                 kChannels, codes + i);
  }
}

// Both passes: the largest weight of each channel, scales, codes.
void run_int8() {
  run_absmax();
  bench.scales = int8_scales(bench.absmax);
  for (size_t c = 0; c < kChannels; ++c) bench.inverses[c] = quant::int8_inverse(bench.scales[c]);
  run_int8_codes();
}

void run_half() {
  quant::kernels().half_encode(bench.x(), bench.n,
                               reinterpret_cast<uint16_t*>(bench.output->data()));
}

void run_bfloat16() {
  quant::kernels().bfloat16_encode(bench.x(), bench.n,
                                   reinterpret_cast<uint16_t*>(bench.output->data()));
}

void run_scale() {
  for (size_t i = 0; i < bench.n; i += kChannels) {
    quant::kernels().scale(bench.x() + i, bench.scales.data(), kChannels, bench.y() + i);
  }
}

void run_quint8() {
  const quant::Quint8Params p = quant::quint8_params(-6.0f, 6.0f);
  quant::kernels().quint8_encode(bench.x(), bench.n, p, bench.output->data());
}

void run_round_weights() {
  quant::kernels().round_weights(bench.x(), bench.n, {-6.0f, 12.0f / 256}, bench.y());
}

void run_byte_swap() {
  quant::kernels().byte_swap(bench.input->data(), bench.n * 4, 4, bench.output->data());
}

void run_error_sums() {
  quant::ErrorSums sums;
  for (size_t i = 0; i < bench.n; i += 2048) {
    const size_t n = bench.n - i < 2048 ? bench.n - i : 2048;
    quant::kernels().error_sums(bench.x() + i, bench.y() + i, n, &sums);
  }
  bench.sink += sums.noise > 0 ? 1 : 0;
}

void run_hash() {
  quant::Hasher h;
  h.add(bench.input->data(), bench.n * 4);
  bench.sink += h.finish().lo;
}

void run_crc32c() { bench.sink += crc32c({bench.input->data(), bench.n * 4}); }

// A whole job in pushes of 1 MB, as the workers do it.
void run_job(const std::vector<uint8_t>& descriptor) {
  auto runner = JobRunner::begin(descriptor);
  if (!runner.ok()) return;
  const size_t total = bench.n * 4;
  for (size_t i = 0; i < total; i += 1 << 20) {
    const size_t n = total - i < (1 << 20) ? total - i : 1 << 20;
    if (!(*runner)->push({bench.input->data() + i, n}).ok()) return;
    const std::span<const uint8_t> out = (*runner)->take();
    if (!out.empty()) std::memcpy(bench.output->data(), out.data(), out.size());
  }
  auto result = (*runner)->end();
  bench.sink += result.ok() ? result->size() : 0;
}
void run_scan_job() { run_job(bench.scan_job); }
void run_int8_job() { run_job(bench.int8_job); }
void run_half_job() { run_job(bench.half_job); }

struct Case {
  const char* name;
  void (*run)();
  double bound;
};

#if defined(__EMSCRIPTEN__)
constexpr double kRange = 1.2, kInt8 = 0.45, kHalf = 0.35, kCrc = 0.4, kHash = 0;
#else
constexpr double kRange = 1.2, kInt8 = 0.45, kHalf = 0.35, kCrc = 0.4, kHash = 0.6;
#endif
constexpr Case kCases[] = {
    {"memcpy", run_memcpy, 0},
    {"min_max", run_range, kRange},
    {"int8_per_channel", run_int8, kInt8},
    {"int8_absmax", run_absmax, 0},
    {"int8_codes", run_int8_codes, 0},
    {"half", run_half, kHalf},
    {"bfloat16", run_bfloat16, 0},
    {"crc32c", run_crc32c, kCrc},
    {"hash128", run_hash, kHash},
    {"scale_channels", run_scale, 0},
    {"quantize_weights", run_quint8, 0},
    {"round_weights", run_round_weights, 0},
    {"byte_swap", run_byte_swap, 0},
    {"error_sums", run_error_sums, 0},
    {"scan_job", run_scan_job, 0},
    {"encode_job_int8", run_int8_job, 0},
    {"encode_job_half", run_half_job, 0},
};
constexpr int32_t kCount = sizeof(kCases) / sizeof(kCases[0]);

// Sums of uniform numbers: near enough to a normal distribution, the same everywhere.
void fill(float* x, size_t n) {
  uint32_t state = 1;
  for (size_t i = 0; i < n; ++i) {
    int32_t sum = 0;
    for (int k = 0; k < 4; ++k) {
      state = state * 1664525u + 1013904223u;
      sum += static_cast<int32_t>(state >> 16) - 32768;
    }
    x[i] = static_cast<float>(sum) * (1.0f / 65536.0f);
  }
}

Result<std::vector<uint8_t>> job(JobKind kind, const Shape& shape, std::optional<Step> step) {
  Job j;
  j.kind = kind;
  j.name = "bench";
  j.channels = kind == JobKind::kScan ? kChannels : 0;
  FilePiece piece;
  piece.range.length = bench.n * 4;
  j.tensor = TensorRef::file(DType::kFloat, shape, {piece}, std::nullopt, false);
  if (step) j.tensor = j.tensor.with_step(*step);
  return serialize_job(j);
}

Status prepare(uint32_t megabytes) {
  bench.n = static_cast<size_t>(megabytes) * 1000000 / 4 / kChannels * kChannels;
  WHITTLE_ASSIGN(bench.input, Buffer::make(bench.n * 4));
  WHITTLE_ASSIGN(bench.output, Buffer::make(bench.n * 4));
  fill(reinterpret_cast<float*>(bench.input->data()), bench.n);
  std::memcpy(bench.output->data(), bench.input->data(), bench.n * 4);
  bench.scales.assign(kChannels, 0.01f);
  bench.inverses.assign(kChannels, 100.0f);
  bench.absmax.assign(kChannels, 0.0f);

  const Shape shape{static_cast<int64_t>(bench.n / kChannels), static_cast<int64_t>(kChannels)};
  WHITTLE_ASSIGN(bench.scan_job, job(JobKind::kScan, shape, std::nullopt));
  Step int8;
  int8.kind = StepKind::kInt8Channels;
  int8.dtype = DType::kInt8;
  int8.shape = shape;
  int8.values = std::make_shared<std::vector<float>>(kChannels, 0.016f);
  WHITTLE_ASSIGN(bench.int8_job, job(JobKind::kEncode, shape, int8));
  Step half;
  half.kind = StepKind::kCast;
  half.dtype = DType::kHalf;
  half.shape = shape;
  WHITTLE_ASSIGN(bench.half_job, job(JobKind::kEncode, shape, half));
  return {};
}

}  // namespace
}  // namespace whittle

extern "C" {
EMSCRIPTEN_KEEPALIVE int32_t bench_prepare(uint32_t megabytes) {
  return whittle::prepare(megabytes).ok() ? 1 : 0;
}
EMSCRIPTEN_KEEPALIVE int32_t bench_count() { return whittle::kCount; }
EMSCRIPTEN_KEEPALIVE const char* bench_name(int32_t i) { return whittle::kCases[i].name; }
EMSCRIPTEN_KEEPALIVE double bench_bytes(int32_t) {
  return static_cast<double>(whittle::bench.n) * 4;
}
EMSCRIPTEN_KEEPALIVE double bench_bound(int32_t i) { return whittle::kCases[i].bound; }
EMSCRIPTEN_KEEPALIVE void bench_run(int32_t i) { whittle::kCases[i].run(); }
}
