#include "whittle/job.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/jobs_fixture.h"

namespace whittle {
namespace {

// [200, 101] of weights: no block border falls on a row's.
const Shape kShape{200, 101};
std::vector<float> weights(uint64_t seed = 1) { return random_floats(200 * 101, seed); }

std::vector<float> scales_of(const std::vector<float>& w, size_t channels) {
  std::vector<float> absmax(channels, 0.0f);
  for (size_t i = 0; i < w.size(); ++i)
    absmax[i % channels] = std::max(absmax[i % channels], std::fabs(w[i]));
  return int8_scales(absmax);
}

TEST(EncodeJob, EmitsTheInputWhenThereIsNoStep) {
  const Bytes bytes = Random(1).bytes(300001);
  const Job job = job_of(JobKind::kEncode, file_ref(DType::kUint8, Shape{300001}, bytes));
  const JobRan ran = run_whole(job, bytes);
  EXPECT_EQ(ran.error, "");
  EXPECT_TRUE(ran.output == bytes);
  EXPECT_EQ(parse_encode_result(ran.result)->bytes, bytes.size());
  EXPECT_EQ(encoded_size(job.tensor), bytes.size());
}

TEST(EncodeJob, AllOutputIsThereAfterTheLastPush) {
  const Bytes bytes = bytes_of_values(weights());
  const auto descriptor =
      serialize_job(job_of(JobKind::kEncode, file_ref(DType::kFloat, kShape, bytes)));
  auto runner = JobRunner::begin(*descriptor);
  ASSERT_TRUE(runner.ok());
  EXPECT_TRUE((*runner)->push(bytes).ok());
  EXPECT_EQ((*runner)->take().size(), bytes.size());
  EXPECT_EQ((*runner)->take().size(), 0u);
  EXPECT_TRUE((*runner)->end().ok());
}

TEST(EncodeJob, Int8CodesAreThoseOfTheChannel) {
  const std::vector<float> w = weights();
  const std::vector<float> scales = scales_of(w, 101);
  const Bytes bytes = bytes_of_values(w);
  const TensorRef ref =
      file_ref(DType::kFloat, kShape, bytes)
          .with_step(step_of(StepKind::kInt8Channels, DType::kInt8, kShape, scales));
  const JobRan ran = run_whole(job_of(JobKind::kEncode, ref), bytes);
  ASSERT_EQ(ran.error, "");
  ASSERT_EQ(ran.output.size(), w.size());
  double signal = 0, noise = 0;
  for (size_t i = 0; i < w.size(); ++i) {
    const float scale = scales[i % 101];
    const float q = std::nearbyint(w[i] / scale);
    ASSERT_EQ(static_cast<int8_t>(ran.output[i]), static_cast<int8_t>(q));
    const double e = static_cast<double>(w[i]) - static_cast<double>(q * scale);
    EXPECT_LE(std::fabs(e), 0.50001 * scale);
    signal += static_cast<double>(w[i]) * w[i];
    noise += e * e;
  }
  const auto result = parse_encode_result(ran.result);
  EXPECT_EQ(result->bytes, w.size());
  EXPECT_NEAR(result->signal, signal, 1e-9 * signal);
  EXPECT_NEAR(result->noise, noise, 1e-6 * noise);
}

TEST(EncodeJob, StatisticsCompareTheCodesWithTheScaledWeight) {
  const std::vector<float> w = weights();
  const Bytes bytes = bytes_of_values(w);
  TensorRef ref = file_ref(DType::kFloat, kShape, bytes)
                      .with_step(step_of(StepKind::kScaleChannels, DType::kFloat, kShape,
                                         std::vector<float>(101, 1000.0f)));
  const JobRan scaled = run_whole(job_of(JobKind::kEncode, ref), bytes);
  const auto lossless = parse_encode_result(scaled.result);
  EXPECT_EQ(lossless->signal, 0);  // nothing was lost, so nothing is measured
  ref = ref.with_step(step_of(StepKind::kCast, DType::kHalf, kShape));
  const JobRan halves = run_whole(job_of(JobKind::kEncode, ref), bytes);
  const auto result = parse_encode_result(halves.result);
  EXPECT_NEAR(result->signal, 1e6 * 200 * 101 / 3, 1e8);
  EXPECT_LE(result->max_error, 0.2501);  // half an ulp of half below 1000
  EXPECT_GT(result->max_error, 0.2);
}

struct Case {
  const char* name;
  std::vector<Step> steps;
};

std::vector<Case> chains() {
  const std::vector<float> w = weights();
  const std::vector<float> channel = scales_of(w, 101);
  const std::vector<float> row = std::vector<float>(200, 0.01f);
  const Shape flat{200 * 101};
  return {
      {"none", {}},
      {"half", {step_of(StepKind::kCast, DType::kHalf, kShape)}},
      {"bfloat16", {step_of(StepKind::kCast, DType::kBfloat16, kShape)}},
      {"int8 by column", {step_of(StepKind::kInt8Channels, DType::kInt8, kShape, channel)}},
      {"int8 by row", {step_of(StepKind::kInt8Channels, DType::kInt8, kShape, row, 101)}},
      {"int8 by three", {step_of(StepKind::kInt8Channels, DType::kInt8, kShape, channel, 3)}},
      {"quint8", {step_of(StepKind::kQuantizeWeights, DType::kQuint8, kShape, {-1, 1})}},
      {"rounded, then quint8",
       {step_of(StepKind::kRoundWeights, DType::kFloat, kShape, {-1, 1, 32}),
        step_of(StepKind::kQuantizeWeights, DType::kQuint8, kShape, {-1.1f, 1.1f})}},
      {"scaled, reshaped, scaled, int8, reshaped",
       {step_of(StepKind::kScaleChannels, DType::kFloat, kShape, channel),
        step_of(StepKind::kReshape, DType::kFloat, flat),
        step_of(StepKind::kScaleChannels, DType::kFloat, flat, {2, 3}, 7),
        step_of(StepKind::kInt8Channels, DType::kInt8, flat, {0.001f}),
        step_of(StepKind::kReshape, DType::kInt8, kShape)}},
  };
}

TEST(Jobs, GiveTheSameForEveryWayToCutTheirInput) {
  const Bytes bytes = bytes_of_values(weights());
  Bytes swapped = bytes;
  for (size_t i = 0; i < swapped.size(); i += 4)
    std::reverse(swapped.begin() + static_cast<ptrdiff_t>(i),
                 swapped.begin() + static_cast<ptrdiff_t>(i + 4));
  for (const Case& c : chains()) {
    TensorRef ref = file_ref(DType::kFloat, kShape, bytes),
              big_endian = file_ref(DType::kFloat, kShape, swapped, true);
    for (const Step& s : c.steps) {
      ref = ref.with_step(s);
      big_endian = big_endian.with_step(s);
    }
    const bool floats = ref.dtype() == DType::kFloat || byte_width(ref.dtype()) == 2;
    for (const JobKind kind : {JobKind::kEncode, JobKind::kScan}) {
      const uint64_t channels = kind == JobKind::kScan && floats ? 101 : 0;
      const JobRan whole = run_whole(job_of(kind, ref, channels), bytes);
      ASSERT_EQ(whole.error, "") << c.name;
      for (uint64_t seed = 0; seed < 6; ++seed) {
        const uint64_t largest[] = {5, 100, 4096, 30000, 65536, 200000};
        const JobRan cut = run_in_chunks(job_of(kind, ref, channels), bytes, seed, largest[seed]);
        EXPECT_TRUE(cut.output == whole.output && cut.result == whole.result)
            << c.name << " " << cut.error;
        const JobRan other =
            run_in_chunks(job_of(kind, big_endian, channels), swapped, seed, largest[seed]);
        EXPECT_TRUE(other.output == whole.output) << c.name << " " << other.error;
        if (kind == JobKind::kEncode) {
          EXPECT_TRUE(other.result == whole.result) << c.name;
        } else {
          EXPECT_TRUE(parse_scan_result(other.result)->hash ==
                      parse_scan_result(whole.result)->hash)
              << c.name;
        }
      }
    }
  }
}

TEST(ScanJob, FindsWhatTheTensorHolds) {
  std::vector<float> w = weights();
  w[5000] = -7.5f;
  w[20199] = 3.25f;
  const Bytes bytes = bytes_of_values(w);
  const JobRan ran =
      run_whole(job_of(JobKind::kScan, file_ref(DType::kFloat, kShape, bytes), 101), bytes);
  ASSERT_EQ(ran.error, "");
  const auto r = parse_scan_result(ran.result);
  EXPECT_EQ(r->crc32c, crc32c(bytes));
  EXPECT_EQ(r->min, -7.5);
  EXPECT_EQ(r->max, 3.25);
  EXPECT_TRUE(r->finite);
  EXPECT_FALSE(r->all_equal);
  EXPECT_EQ(r->first, Bytes(bytes.begin(), bytes.begin() + 4));
  ASSERT_EQ(r->absmax.size(), 101u);
  for (size_t c = 0; c < 101; ++c) {
    float largest = 0;
    for (size_t i = c; i < w.size(); i += 101) largest = std::max(largest, std::fabs(w[i]));
    EXPECT_EQ(r->absmax[c], largest);
  }
}

TEST(ScanJob, KnowsEqualElementsOfEveryWidth) {
  for (const DType dtype :
       {DType::kBool, DType::kHalf, DType::kFloat, DType::kDouble, DType::kComplex128}) {
    const size_t width = byte_width(dtype), n = 70001;
    Bytes bytes(n * width);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i % width + 1);
    const auto scan = [&] {
      return parse_scan_result(
          run_whole(job_of(JobKind::kScan, file_ref(dtype, Shape{static_cast<int64_t>(n)}, bytes)),
                    bytes)
              .result);
    };
    EXPECT_TRUE(scan()->all_equal) << dtype_name(dtype);
    EXPECT_EQ(scan()->first, Bytes(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(width)));
    bytes.back() ^= 1;
    EXPECT_FALSE(scan()->all_equal) << dtype_name(dtype);
  }
}

TEST(ScanJob, SeesNaNAndInfinityInEveryFloatType) {
  const auto scan = [](DType dtype, const Bytes& bytes) {
    const Shape shape{static_cast<int64_t>(bytes.size() / byte_width(dtype))};
    return parse_scan_result(
        run_whole(job_of(JobKind::kScan, file_ref(dtype, shape, bytes)), bytes).result);
  };
  const float bad[] = {float_of(0x7fc00000), float_of(0xffc00001), float_of(0x7f800000),
                       float_of(0xff800000), 1.0f};
  for (const float v : bad) {
    const std::vector<float> x = {1, -2, v, 3};
    std::vector<uint16_t> half, brain;
    std::vector<double> wide;
    for (const float f : x) {
      half.push_back(float_to_half(f));
      brain.push_back(float_to_bfloat16(f));
      wide.push_back(f);
    }
    const bool finite = v == 1.0f, nan = v != v;
    for (const auto& r :
         {scan(DType::kFloat, bytes_of_values(x)), scan(DType::kHalf, bytes_of_values(half)),
          scan(DType::kBfloat16, bytes_of_values(brain)),
          scan(DType::kDouble, bytes_of_values(wide))}) {
      EXPECT_EQ(r->finite, finite);
      EXPECT_EQ(r->min, nan || v > -2 ? -2 : v);
      EXPECT_EQ(r->max, nan || v < 3 ? 3 : v);
    }
  }
}

TEST(ScanJob, TakesAnEmptyTensor) {
  const JobRan ran =
      run_whole(job_of(JobKind::kScan, file_ref(DType::kFloat, Shape{0, 3}, {}), 3), {});
  ASSERT_EQ(ran.error, "");
  const auto r = parse_scan_result(ran.result);
  EXPECT_FALSE(r->all_equal);
  EXPECT_TRUE(r->finite);
  EXPECT_GT(r->min, r->max);
  EXPECT_EQ(r->absmax, std::vector<float>(3, 0.0f));
}

TEST(Jobs, WrongBytesNameTheTensorAndBothChecksums) {
  const Bytes bytes = bytes_of_values(std::vector<float>{1, 2, 3, 4});
  for (const JobKind kind : {JobKind::kScan, JobKind::kEncode}) {
    const Job job = job_of(kind, file_ref(DType::kFloat, Shape{4}, bytes));
    Bytes wrong = bytes;
    wrong[3] ^= 4;
    const std::string error = run_whole(job, wrong).error;
    EXPECT_EQ(error.substr(0, error.find(" should")),
              "corrupt: the checksum of tensor conv1/kernel");
    EXPECT_EQ(
        error.size(),
        std::string(
            "corrupt: the checksum of tensor conv1/kernel should be 0x12345678 but is 0x12345678")
            .size());
  }
}

TEST(Jobs, TooFewBytesAreCorruptAndTooManyAreOurMistake) {
  const Bytes bytes = bytes_of_values(std::vector<float>{1, 2, 3, 4});
  Bytes longer = bytes;
  longer.push_back(0);
  for (const JobKind kind : {JobKind::kScan, JobKind::kEncode}) {
    const Job job = job_of(kind, file_ref(DType::kFloat, Shape{4}, bytes));
    EXPECT_EQ(run_whole(job, std::span(bytes).first(9)).error,
              "corrupt: tensor conv1/kernel ends after 9 of its 16 bytes");
    EXPECT_EQ(run_whole(job, longer).error,
              "internal: tensor conv1/kernel was given more than its 16 bytes");
  }
}

// The bytes that a compare job asks for, out of the two tensors' own files.
Bytes interleaved(const Job& job, const Bytes& file3, const Bytes& file4) {
  Bytes out;
  for (const FilePiece& piece : job_pieces(job)) {
    const Bytes& file = piece.range.file == FileId(3) ? file3 : file4;
    for (uint64_t k = 0; k < piece.count; ++k) {
      const auto at = file.begin() + static_cast<ptrdiff_t>(piece.range.offset + k * piece.stride);
      out.insert(out.end(), at, at + static_cast<ptrdiff_t>(piece.range.length));
    }
  }
  return out;
}

TEST(CompareJob, FindsOneDifferentByte) {
  const size_t n = 2500000;  // two turns and a part
  const Bytes a = Random(1).bytes(n);
  for (const size_t different : {n, size_t{0}, size_t{1} << 20, n - 1}) {
    Bytes b = a;
    if (different < n) b[different] ^= 1;
    Job job =
        job_of(JobKind::kCompare, TensorRef::file(DType::kUint8, Shape{static_cast<int64_t>(n)},
                                                  {{{FileId(3), 0, n}, 0, 1}}, crc32c(a), false));
    job.other = TensorRef::file(DType::kUint8, Shape{static_cast<int64_t>(n)},
                                {{{FileId(4), 0, n}, 0, 1}}, crc32c(b), false);
    for (const uint64_t chunk : {uint64_t{1000}, uint64_t{700000}, uint64_t{5000000}}) {
      const JobRan ran = run_in_chunks(job, interleaved(job, a, b), chunk, chunk);
      ASSERT_EQ(ran.error, "");
      EXPECT_EQ(parse_compare_result(ran.result).value(), different == n);
    }
  }
}

TEST(CompareJob, ComparesWhatTheStepsMake) {
  const std::vector<float> x = {1, 2, 3, 4}, twice = {2, 4, 6, 8};
  Job job = job_of(JobKind::kCompare,
                   TensorRef::file(DType::kFloat, Shape{4}, {{{FileId(3), 0, 16}, 0, 1}}, {}, false)
                       .with_step(step_of(StepKind::kScaleChannels, DType::kFloat, Shape{4}, {2})));
  job.other = TensorRef::file(DType::kFloat, Shape{2, 2}, {{{FileId(4), 0, 16}, 0, 1}}, {}, false);
  Bytes input = bytes_of_values(x);
  const Bytes second = bytes_of_values(twice);
  input.insert(input.end(), second.begin(), second.end());
  EXPECT_TRUE(parse_compare_result(run_whole(job, input).result).value());
  input[0] ^= 1;
  EXPECT_FALSE(parse_compare_result(run_whole(job, input).result).value());
}

TEST(CompareJob, RefusesTensorsOfDifferentSizes) {
  Job job = job_of(JobKind::kCompare, file_ref(DType::kUint8, Shape{3}, Bytes(3)));
  job.other = file_ref(DType::kUint8, Shape{4}, Bytes(4));
  EXPECT_FALSE(serialize_job(job).ok());
}

}  // namespace
}  // namespace whittle
