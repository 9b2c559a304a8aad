// Descriptors and result blobs come from outside: whatever their bytes are, they are an answer or
// an error, in little memory.
#include <gtest/gtest.h>

#include "quant/jobs_fixture.h"

namespace whittle {
namespace {

Job sample() {
  const Shape shape{4, 3};
  TensorRef ref = TensorRef::file(
      DType::kFloat, shape,
      {{{FileId(1), uint64_t{5} << 32, 8}, 100, 4}, {{FileId(2), 7, 16}, 0, 1}}, 0xdeadbeef, true);
  ref = ref.with_step(step_of(StepKind::kScaleChannels, DType::kFloat, shape, {1, 2, 3}));
  ref = ref.with_step(step_of(StepKind::kReshape, DType::kFloat, Shape{12}));
  ref = ref.with_step(step_of(StepKind::kInt8Channels, DType::kInt8, Shape{12}, {0.5f, 0.25f}, 6));
  return job_of(JobKind::kEncode, ref);
}

TEST(JobDescriptor, KeepsEverything) {
  Job job = sample();
  job.kind = JobKind::kScan;
  job.channels = 0;
  job.inner = 9;
  const auto bytes = serialize_job(job);
  ASSERT_TRUE(bytes.ok()) << bytes.error().to_string();
  const auto back = parse_job(*bytes);
  ASSERT_TRUE(back.ok()) << back.error().to_string();
  EXPECT_EQ(back->kind, job.kind);
  EXPECT_EQ(back->name, "conv1/kernel");
  EXPECT_EQ(back->inner, 9u);
  const TensorRef& t = back->tensor;
  EXPECT_EQ(t.stored_shape(), (Shape{4, 3}));
  EXPECT_EQ(t.dtype(), DType::kInt8);
  EXPECT_EQ(t.crc32c(), 0xdeadbeefu);
  EXPECT_TRUE(t.swap_bytes());
  ASSERT_EQ(t.pieces().size(), 2u);
  EXPECT_EQ(t.pieces()[0].range.offset, uint64_t{5} << 32);
  EXPECT_EQ(t.pieces()[0].stride, 100u);
  EXPECT_EQ(t.pieces()[0].count, 4u);
  ASSERT_EQ(t.steps().size(), 3u);
  EXPECT_EQ(*t.steps()[2].values, (std::vector<float>{0.5f, 0.25f}));
  EXPECT_EQ(t.steps()[2].inner, 6u);
  EXPECT_EQ(*serialize_job(*back), *bytes);
}

TEST(JobDescriptor, CutOffAnywhereIsCorrupt) {
  const Bytes bytes = serialize_job(sample()).value();
  for (size_t n = 0; n < bytes.size(); ++n) {
    const auto job = parse_job(std::span(bytes).first(n));
    ASSERT_FALSE(job.ok()) << n;
    EXPECT_EQ(job.error().code, Code::kCorrupt) << job.error().to_string();
  }
  Bytes longer = bytes;
  longer.push_back(0);
  EXPECT_FALSE(parse_job(longer).ok());
}

TEST(JobDescriptor, ChangedBytesAreRefusedOrRun) {
  const Bytes bytes = serialize_job(sample()).value();
  Random random(5);
  int refused = 0;
  for (int round = 0; round < 4000; ++round) {
    Bytes changed = bytes;
    for (uint64_t k = random.below(3); k < 3; ++k) {
      changed[random.below(changed.size())] =
          random.below(2) ? static_cast<uint8_t>(random.next()) : 0xff;
    }
    auto runner = JobRunner::begin(changed);
    if (!runner.ok()) {
      ++refused;
      continue;
    }
    const Bytes input(48, 1);
    if ((*runner)->push(input).ok()) (void)(*runner)->end().ok();
  }
  EXPECT_GT(refused, 500);
}

TEST(JobDescriptor, StepsThatDoNotFitAreRefused) {
  const Shape shape{2, 3};
  const TensorRef floats = file_ref(DType::kFloat, shape, Bytes(24)),
                  ints = file_ref(DType::kInt32, shape, Bytes(24));
  const Step bad[] = {
      step_of(StepKind::kCast, DType::kInt8, shape),
      step_of(StepKind::kCast, DType::kHalf, Shape{2, 4}),
      step_of(StepKind::kCast, DType::kHalf, Shape{-2, -3}),
      step_of(StepKind::kScaleChannels, DType::kFloat, shape),
      step_of(StepKind::kScaleChannels, DType::kHalf, shape, {1}),
      step_of(StepKind::kInt8Channels, DType::kInt8, shape, {1}, 0),
      step_of(StepKind::kQuantizeWeights, DType::kQuint8, shape, {1}),
      step_of(StepKind::kRoundWeights, DType::kFloat, shape, {0, 1}),
      step_of(StepKind::kReshape, DType::kHalf, shape),
      step_of(static_cast<StepKind>(77), DType::kFloat, shape),
  };
  for (const Step& s : bad) {
    const auto descriptor = serialize_job(job_of(JobKind::kEncode, floats.with_step(s)));
    ASSERT_FALSE(descriptor.ok()) << static_cast<int>(s.kind);
    EXPECT_EQ(descriptor.error().code, Code::kCorrupt) << descriptor.error().to_string();
  }
  EXPECT_FALSE(serialize_job(job_of(JobKind::kEncode,
                                    ints.with_step(step_of(StepKind::kCast, DType::kHalf, shape))))
                   .ok());
  // After codes there is nothing left to encode.
  const TensorRef halves = floats.with_step(step_of(StepKind::kCast, DType::kHalf, shape));
  EXPECT_FALSE(serialize_job(job_of(JobKind::kEncode, halves.with_step(step_of(
                                                          StepKind::kCast, DType::kHalf, shape))))
                   .ok());
}

TEST(JobDescriptor, RefusesMaximaOfTooManyChannels) {
  const auto descriptor = serialize_job(
      job_of(JobKind::kScan, file_ref(DType::kFloat, Shape{1}, Bytes(4)), uint64_t{1} << 60));
  ASSERT_TRUE(descriptor.ok());
  const auto runner = JobRunner::begin(*descriptor);
  ASSERT_FALSE(runner.ok());
  EXPECT_EQ(runner.error().code, Code::kLimit);
}

TEST(ResultBlobs, AreKeptAndCutOffOnesRefused) {
  ScanResult scan;
  scan.crc32c = 7;
  scan.hash = {1, 2};
  scan.all_equal = true;
  scan.finite = false;
  scan.first = {1, 2, 3, 4};
  scan.min = -1.5;
  scan.max = 1e300;
  scan.absmax = {1, 2, 3};
  const Bytes blob = serialize(scan);
  const auto back = parse_scan_result(blob);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(serialize(*back), blob);
  EXPECT_EQ(back->absmax, scan.absmax);
  EncodeResult encode{1000, 2, 3, 4};
  const Bytes other = serialize(encode);
  EXPECT_EQ(serialize(*parse_encode_result(other)), other);
  for (size_t n = 0; n < blob.size(); ++n)
    EXPECT_FALSE(parse_scan_result(std::span(blob).first(n)).ok());
  for (size_t n = 0; n < other.size(); ++n)
    EXPECT_FALSE(parse_encode_result(std::span(other).first(n)).ok());
  EXPECT_FALSE(parse_scan_result(other).ok());
  EXPECT_FALSE(parse_encode_result(blob).ok());
  EXPECT_FALSE(parse_compare_result(blob).ok());
}

}  // namespace
}  // namespace whittle
