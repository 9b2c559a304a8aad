// Inputs that are made up.
#include "verify/probes.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "verify/samples_fixture.h"

namespace whittle::verify {
namespace {

using Inputs = std::map<std::string, TensorInfo>;
const MetaGraph kNoGraph;

Tensor make(const std::string& key, DType dtype, Shape shape, uint64_t probe = 0, int attempt = 0) {
  const Inputs inputs = {{key, input_of(dtype, std::move(shape))}};
  Result<NamedTensors> made = ProbeMaker(inputs, kNoGraph).make(attempt, probe);
  EXPECT_TRUE(made.ok());
  return made.ok() ? made->at(key) : Tensor();
}

std::string refused(DType dtype, Shape shape) {
  const Inputs inputs = {{"x", input_of(dtype, std::move(shape))}};
  const Result<NamedTensors> made = ProbeMaker(inputs, kNoGraph).make(0, 0);
  return made.ok() ? "made" : made.error().to_string();
}

TEST(Probes, AreTheSameEveryTimeAndDifferPerProbe) {
  const Tensor a = make("x", DType::kFloat, {-1, 8}), b = make("x", DType::kFloat, {-1, 8});
  EXPECT_TRUE(a.identical(b));
  EXPECT_FALSE(a.identical(make("x", DType::kFloat, {-1, 8}, 1)));
  EXPECT_FALSE(a.identical(make("z", DType::kFloat, {-1, 8})));
  EXPECT_EQ(a.shape(), (Shape{1, 8}));
}

TEST(Probes, PicturesComeInTheUsualRanges) {
  const auto range = [](uint64_t probe) {
    const Tensor t = make("image", DType::kFloat, {-1, 32, 32, 3}, probe);
    const auto [low, high] = std::minmax_element(t.values<float>().begin(), t.values<float>().end());
    return std::make_pair(*low, *high);
  };
  EXPECT_GE(range(0).first, -1);
  EXPECT_LT(range(0).first, -0.3);
  EXPECT_LE(range(0).second, 1);
  EXPECT_GE(range(1).first, 0);
  EXPECT_LE(range(1).second, 1);
  EXPECT_GE(range(2).first, 0);
  EXPECT_GT(range(2).second, 100);
  EXPECT_LE(range(2).second, 255);
  EXPECT_EQ(make("image", DType::kFloat, {-1, 3, 16, 16}).shape(), (Shape{1, 3, 16, 16}));
  EXPECT_EQ(make("image", DType::kFloat, {2, -1, -1, -1}).shape(), (Shape{2, 64, 64, 3}));
}

TEST(Probes, NamesTellWhatIntegersMean) {
  const Tensor mask = make("attention_mask", DType::kInt32, {-1, 4});
  EXPECT_EQ(show(mask), "int32[1,4] 1 1 1 1");
  const Tensor types = make("token_type_ids", DType::kInt64, {-1, 64});
  EXPECT_LE(*std::max_element(types.values<int64_t>().begin(), types.values<int64_t>().end()), 1);
  const Tensor ids = make("input_ids", DType::kInt32, {1, 64});
  EXPECT_GT(*std::max_element(ids.values<int32_t>().begin(), ids.values<int32_t>().end()), 500);
  const Tensor fewer = make("input_ids", DType::kInt32, {1, 64}, 0, 3);
  EXPECT_LT(*std::max_element(fewer.values<int32_t>().begin(), fewer.values<int32_t>().end()), 2);
  EXPECT_EQ(show(make("n", DType::kInt32, Shape{})), "int32[] 1");
  EXPECT_EQ(show(make("training", DType::kBool, Shape{})), "bool[] 00");
  EXPECT_EQ(show(make("keep_prob", DType::kFloat, Shape{})), "float32[] 1");
  EXPECT_EQ(make("text", DType::kString, {-1}).elements(), 1u);
}

TEST(Probes, TriesOtherSizesAndRangesOfIds) {
  const Inputs fixed = {{"x", input_of(DType::kFloat, {-1, 8})}};
  EXPECT_EQ(ProbeMaker(fixed, kNoGraph).attempts(), 1);
  const Inputs ids = {{"x", input_of(DType::kInt32, {-1, 8})}};
  EXPECT_EQ(ProbeMaker(ids, kNoGraph).attempts(), 4);
  const Inputs open = {{"x", input_of(DType::kInt32, {-1, -1})}};
  const ProbeMaker maker(open, kNoGraph);
  EXPECT_EQ(maker.attempts(), 28);
  EXPECT_EQ(maker.make(0, 0)->at("x").shape(), (Shape{1, 16}));
  EXPECT_EQ(maker.make(4, 0)->at("x").shape(), (Shape{1, 128}));
}

TEST(Probes, SaysWhatItCannotMakeUp) {
  EXPECT_EQ(refused(DType::kComplex64, {1}), "unsupported: input x is complex64: give samples");
  EXPECT_EQ(refused(DType::kResource, Shape{}), "unsupported: input x is resource: give samples");
  EXPECT_EQ(refused(DType::kFloat, {1 << 20, 1 << 20}).substr(0, 6), "limit:");
  EXPECT_EQ(refused(DType::kString, {1 << 24}).substr(0, 6), "limit:");
  Inputs composite = {{"x", input_of(DType::kFloat, {1})}};
  composite["x"].encoding = TensorInfo::Encoding::kComposite;
  EXPECT_EQ(ProbeMaker(composite, kNoGraph).make(0, 0).error().message, "input x is no plain tensor");
}

TEST(Probes, MakesThreeTensorsOfASparseInput) {
  Inputs inputs = {{"x", input_of(DType::kFloat, {-1, 7})}};
  inputs["x"].encoding = TensorInfo::Encoding::kCooSparse;
  const Result<NamedTensors> made = ProbeMaker(inputs, kNoGraph).make(0, 0);
  ASSERT_TRUE(made.ok());
  EXPECT_EQ(made->at("x/values").shape(), (Shape{2}));
  EXPECT_EQ(as_int64s(made->at("x/indices").reshaped(Shape{4})).value(), (std::vector<int64_t>{0, 0, 0, 6}));
  EXPECT_EQ(as_int64s(made->at("x/shape")).value(), (std::vector<int64_t>{1, 7}));
}

}  // namespace
}  // namespace whittle::verify
