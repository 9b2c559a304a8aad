#include "whittle/quant.h"

#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>

#include "quant/jobs_fixture.h"
#include "support/files.h"

namespace whittle {
namespace {

const Shape kShape{60, 50};

Tensor tensor_of(const std::vector<float>& x, Shape shape) {
  return Tensor::of<float>(DType::kFloat, std::move(shape), x).value();
}

TensorRef encoded(TensorRef ref) {
  ref = ref.with_step(
      step_of(StepKind::kScaleChannels, DType::kFloat, kShape, std::vector<float>(50, 3.0f)));
  return ref.with_step(
      step_of(StepKind::kInt8Channels, DType::kInt8, kShape, std::vector<float>(50, 3.0f / 127)));
}

TEST(Int8Scales, AreTheMaximaOver127) {
  const std::vector<float> absmax = {127.0f,
                                     1.0f,
                                     0.0f,
                                     1e-37f,
                                     FLT_MIN * 127,
                                     FLT_MAX,
                                     float_of(0x7f800000),
                                     float_of(0x7fc00000)};
  const std::vector<float> expected = {1.0f,    1.0f / 127.0f,    1.0f, 1.0f,
                                       FLT_MIN, FLT_MAX / 127.0f, 1.0f, 1.0f};
  EXPECT_EQ(int8_scales(absmax), expected);
}

TEST(Int8Scales, ChannelsOfZerosAndSubnormalsGetCodesOfZero) {
  const std::vector<float> w = {0, 1e-38f, -0.0f, -1e-39f};
  const std::vector<float> scales = int8_scales(std::vector<float>{0.0f, 1e-38f});
  const auto codes =
      apply_steps(tensor_of(w, Shape{2, 2}),
                  {step_of(StepKind::kInt8Channels, DType::kInt8, Shape{2, 2}, scales)});
  EXPECT_EQ(to_hex(codes->bytes()), "00000000");
}

TEST(QuantizeWeightsRange, HoldsZeroAndIsNeverEmpty) {
  const auto range = [](double min, double max) {
    const QuantizeRange r = quantize_weights_range(min, max);
    EXPECT_LE(r.min, 0.0f);
    EXPECT_GE(r.max, 0.0f);
    EXPECT_LT(r.min, r.max);
    return std::pair(r.min, r.max);
  };
  EXPECT_EQ(range(-2, 3), std::pair(-2.0f, 3.0f));
  EXPECT_EQ(range(1, 3), std::pair(0.0f, 3.0f));
  EXPECT_EQ(range(-3, -1), std::pair(-3.0f, 0.0f));
  EXPECT_EQ(range(0, 0), std::pair(0.0f, 1.0f));
  EXPECT_EQ(range(-1e-38, 1e-38), std::pair(0.0f, 1.0f));        // a subnormal step
  EXPECT_EQ(range(INFINITY, -INFINITY), std::pair(0.0f, 1.0f));  // no number at all
}

TEST(RoundWeightsRange, IsThatOfTheValues) {
  const auto range = [](double min, double max) {
    const QuantizeRange r = round_weights_range(min, max);
    return std::pair(r.min, r.max);
  };
  EXPECT_EQ(range(-3, -1), std::pair(-3.0f, -1.0f));
  EXPECT_EQ(range(0, 0), std::pair(0.0f, 1.0f));
  EXPECT_EQ(range(2.5, 2.5), std::pair(2.5f, 5.0f));
  EXPECT_EQ(range(-2.5, -2.5), std::pair(-5.0f, -2.5f));
}

TEST(InMemory, GivesWhatTheJobsGive) {
  const std::vector<float> w = random_floats(3000, 1);
  const Bytes bytes = bytes_of_values(w);
  Context ctx;
  const TensorRef owned = encoded(TensorRef::owned(tensor_of(w, kShape)));
  const Job job = job_of(JobKind::kEncode, encoded(file_ref(DType::kFloat, kShape, bytes)));
  const JobRan ran = run_whole(job, bytes);
  const auto here = encode_in_memory(owned, ctx);
  ASSERT_TRUE(here.ok());
  EXPECT_EQ(vector_of(here->tensor.bytes()), ran.output);
  EXPECT_EQ(serialize(here->result), ran.result);
  EXPECT_TRUE(load(owned, ctx)->identical(here->tensor));
  EXPECT_EQ(here->tensor.dtype(), DType::kInt8);

  const TensorRef plain = TensorRef::owned(tensor_of(w, kShape));
  const JobRan scan =
      run_whole(job_of(JobKind::kScan, file_ref(DType::kFloat, kShape, bytes), 50), bytes);
  EXPECT_EQ(serialize(*scan_in_memory(plain, 50, 1, ctx)), scan.result);
}

TEST(InMemory, ReadsSmallTensorsOfFilesInEitherByteOrder) {
  const std::vector<float> w = random_floats(3000, 1);
  const Bytes bytes = bytes_of_values(w);
  Bytes swapped = bytes;
  for (size_t i = 0; i < swapped.size(); i += 4)
    std::reverse(swapped.begin() + static_cast<ptrdiff_t>(i),
                 swapped.begin() + static_cast<ptrdiff_t>(i + 4));
  for (const Bytes& stored : {bytes, swapped}) {
    MemoryFiles files({{"data", std::string(stored.begin(), stored.end())}});
    const TensorRef ref =
        TensorRef::file(DType::kFloat, kShape, {{{FileId(0), 0, stored.size()}, 0, 1}},
                        crc32c(stored), stored == swapped);
    const auto t = files.run([&](Context& ctx) { return load(encoded(ref), ctx); });
    ASSERT_TRUE(t.ok()) << t.error().to_string();
    Context ctx;
    EXPECT_TRUE(t->identical(*load(encoded(TensorRef::owned(tensor_of(w, kShape))), ctx)));
    const auto scan = files.run([&](Context& c) { return scan_in_memory(ref, 0, 1, c); });
    EXPECT_EQ(scan->crc32c, crc32c(stored));
    EXPECT_TRUE(scan->hash ==
                scan_in_memory(TensorRef::owned(tensor_of(w, kShape)), 0, 1, ctx)->hash);
  }
}

TEST(InMemory, ASplatScansLikeTheTensorItStandsFor) {
  Context ctx;
  const std::vector<float> x(3000, 2.5f);
  const Bytes element = bytes_of_values(std::vector<float>{2.5f});
  const auto splat = scan_in_memory(TensorRef::splat(DType::kFloat, kShape, element), 50, 1, ctx);
  const auto owned = scan_in_memory(TensorRef::owned(tensor_of(x, kShape)), 50, 1, ctx);
  EXPECT_EQ(serialize(*splat), serialize(*owned));
  EXPECT_TRUE(splat->all_equal);
}

TEST(InMemory, AHugeSplatIsScannedInNoTime) {
  Context ctx;
  const Shape huge{int64_t{1} << 40};
  const Bytes element = bytes_of_values(std::vector<float>{2.5f});
  const auto scan = scan_in_memory(TensorRef::splat(DType::kFloat, huge, element), 0, 1, ctx);
  ASSERT_TRUE(scan.ok());
  EXPECT_TRUE(scan->all_equal);
  EXPECT_EQ(scan->max, 2.5);
  EXPECT_FALSE(
      scan->hash ==
      scan_in_memory(TensorRef::splat(DType::kFloat, Shape{int64_t{1} << 41}, element), 0, 1, ctx)
          ->hash);
  EXPECT_EQ(load(TensorRef::splat(DType::kFloat, huge, element), ctx).error().code, Code::kLimit);
}

TEST(InMemory, ScansStrings) {
  Context ctx;
  const auto scan = [&](std::vector<std::string> s) {
    const Shape shape{static_cast<int64_t>(s.size())};
    return scan_in_memory(TensorRef::owned(Tensor(shape, std::move(s))), 0, 1, ctx);
  };
  EXPECT_TRUE(scan({"a", "a"})->all_equal);
  EXPECT_FALSE(scan({"a", "b"})->all_equal);
  EXPECT_FALSE(scan({"ab", "c"})->hash == scan({"a", "bc"})->hash);
  EXPECT_TRUE(scan({"x", "x", "x"})->hash ==
              scan_in_memory(TensorRef::splat_string(Shape{3}, "x"), 0, 1, ctx)->hash);
}

TEST(ApplySteps, ReshapesAnyTensorWithoutACopy) {
  const Tensor strings(Shape{2}, std::vector<std::string>{"a", "b"});
  const auto t = apply_steps(strings, {step_of(StepKind::kReshape, DType::kString, Shape{1, 2})});
  ASSERT_TRUE(t.ok());
  EXPECT_EQ(t->shape(), (Shape{1, 2}));
  EXPECT_EQ(t->strings()[1], "b");
  EXPECT_FALSE(apply_steps(strings, {step_of(StepKind::kReshape, DType::kString, Shape{3})}).ok());
  EXPECT_FALSE(apply_steps(strings, {step_of(StepKind::kCast, DType::kHalf, Shape{2})}).ok());
}

TEST(InMemory, StopsWhenCancelled) {
  Context ctx;
  ctx.set_cancel([] { return true; });
  const auto scan = scan_in_memory(TensorRef::owned(tensor_of({1, 2}, Shape{2})), 0, 1, ctx);
  EXPECT_EQ(scan.error().code, Code::kCancelled);
}

// SQNR of a uniform distribution at 8 bits: 6.02 * 7.99 dB, quantization.md §6.2.
TEST(EncodeResults, SayTheSignalToNoiseRatio) {
  const std::vector<float> w = random_floats(100000, 9);
  Context ctx;
  const TensorRef ref =
      TensorRef::owned(tensor_of(w, Shape{100000}))
          .with_step(step_of(StepKind::kInt8Channels, DType::kInt8, Shape{100000}, {1.0f / 127}));
  const auto e = encode_in_memory(ref, ctx);
  const double db = 10 * std::log10(e->result.signal / e->result.noise);
  EXPECT_NEAR(db, 48.1, 0.2);
  EXPECT_LE(e->result.max_error, 0.5 / 127 * 1.0001);
}

}  // namespace
}  // namespace whittle
