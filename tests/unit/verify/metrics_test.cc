// How far two tensors are apart.
#include "verify/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace whittle::verify {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

Tensor floats(Shape shape, std::vector<float> v) { return Tensor::of<float>(DType::kFloat, std::move(shape), v).value(); }
Tensor ints(std::vector<int32_t> v) { return vector_i32(v).value(); }

OutputComparison compare(const Tensor& a, const Tensor& b, const VerifyBound& bound = {}) {
  OutputMetrics m("y");
  m.add(a, b);
  return m.finish(bound);
}

VerifyBound relative(double v) { return {v, {}, {}}; }
VerifyBound db(double v) { return {{}, v, {}}; }
VerifyBound agreement(double v) { return {{}, {}, v}; }

TEST(Metrics, EqualBitsHaveNoNoise) {
  const OutputComparison c = compare(floats({2}, {1, kNan}), floats({2}, {1, kNan}), relative(0));
  EXPECT_TRUE(c.equal);
  EXPECT_FALSE(c.missed);
  EXPECT_FALSE(c.sqnr_db);
  EXPECT_FALSE(c.cosine);
  EXPECT_EQ(c.key, "y");
  EXPECT_EQ(c.dtype, "float32");
}

TEST(Metrics, MeasuresErrorsOfFloats) {
  const OutputComparison c = compare(floats({1, 2}, {3, 4}), floats({1, 2}, {3, 4.5}));
  EXPECT_FALSE(c.equal);
  EXPECT_DOUBLE_EQ(c.max_error, 0.5);
  EXPECT_DOUBLE_EQ(c.relative_error, 0.125);
  EXPECT_DOUBLE_EQ(*c.sqnr_db, 20);  // 25 to 0.25
  EXPECT_NEAR(*c.cosine, (9 + 18) / (5 * std::sqrt(9 + 20.25)), 1e-6);
  EXPECT_DOUBLE_EQ(*c.agreement, 1);
}

TEST(Metrics, BoundsJudge) {
  const Tensor a = floats({2}, {3, 4}), b = floats({2}, {3, 4.5});
  EXPECT_FALSE(compare(a, b).missed);
  EXPECT_FALSE(compare(a, b, relative(0.125)).missed);
  EXPECT_TRUE(compare(a, b, relative(0.12)).missed);
  EXPECT_FALSE(compare(a, b, db(20)).missed);
  EXPECT_TRUE(compare(a, b, db(20.1)).missed);
  EXPECT_TRUE(compare(floats({2}, {1, 2}), floats({2}, {2, 1}), agreement(0.5)).missed);
  EXPECT_FALSE(compare(a, b, agreement(1)).missed);
}

TEST(Metrics, TheWorstProbeIsShownAndTheMiddleOneJudged) {
  OutputMetrics m("y");
  const Tensor a = floats({1}, {1});
  for (float noise : {0.0f, 0.001f, 0.1f}) m.add(a, floats({1}, {1 + noise}));
  const OutputComparison c = m.finish(db(50));
  EXPECT_NEAR(*c.sqnr_db, 20, 0.01);
  EXPECT_NEAR(*c.median_sqnr_db, 60, 0.01);
  EXPECT_FALSE(c.missed);
  EXPECT_TRUE(m.finish(db(61)).missed);
}

TEST(Metrics, ZerosOfTwoSignsAreEqual) {
  const OutputComparison c = compare(floats({1}, {0}), floats({1}, {-0.0f}), relative(0));
  EXPECT_TRUE(c.equal);
  EXPECT_FALSE(c.missed);
  const OutputComparison d = compare(floats({1}, {0}), floats({1}, {1}), db(30));
  EXPECT_DOUBLE_EQ(d.relative_error, 1);
  EXPECT_DOUBLE_EQ(*d.sqnr_db, -kMostDb);
  EXPECT_TRUE(d.missed);
}

TEST(Metrics, InfinitiesAndNansMustBeInBoth) {
  EXPECT_FALSE(compare(floats({3}, {kNan, kInf, 1}), floats({3}, {-kNan, kInf, 1}), relative(0)).missed);
  const OutputComparison c = compare(floats({3}, {1, 2, kInf}), floats({3}, {kNan, 2, kInf}));
  EXPECT_TRUE(c.missed) << "whatever the bound";
  EXPECT_FALSE(c.equal);
  EXPECT_EQ(c.problem, "1 of 3 values are finite in one model only");
  EXPECT_TRUE(compare(floats({1}, {kInf}), floats({1}, {-kInf})).missed);
  const OutputComparison d = compare(floats({2}, {kNan, 2}), floats({2}, {kNan, 3}));
  EXPECT_DOUBLE_EQ(d.max_error, 1);
  EXPECT_FALSE(d.missed);
}

TEST(Metrics, HugeDoublesDoNotOverflowIntoNothing) {
  const std::vector<double> x = {1e200}, y = {-1e200};
  const OutputComparison c = compare(Tensor::of<double>(DType::kDouble, Shape{1}, x).value(), Tensor::of<double>(DType::kDouble, Shape{1}, y).value(), db(30));
  EXPECT_TRUE(c.missed);
  EXPECT_TRUE(std::isfinite(*c.sqnr_db));
  EXPECT_TRUE(std::isfinite(*c.cosine));
}

TEST(Metrics, IntegersBooleansAndStringsAgreeOrNot) {
  const OutputComparison c = compare(ints({1, 2, 3, 4}), ints({1, 2, 3, 5}));
  EXPECT_FALSE(c.equal);
  EXPECT_FALSE(c.missed) << "an index may flip";
  EXPECT_DOUBLE_EQ(*c.agreement, 0.75);
  EXPECT_FALSE(c.sqnr_db);
  EXPECT_TRUE(compare(ints({1, 2}), ints({1, 3}), relative(1e-4)).missed);
  EXPECT_TRUE(compare(ints({1, 2}), ints({1, 3}), agreement(0.6)).missed);
  const Tensor a(Shape{2}, std::vector<std::string>{"a", "b"}), b(Shape{2}, std::vector<std::string>{"a", "c"});
  EXPECT_DOUBLE_EQ(*compare(a, b).agreement, 0.5);
  EXPECT_TRUE(compare(a, a, relative(0)).equal);
  EXPECT_DOUBLE_EQ(*compare(ints({}), ints({})).agreement, 1);
}

TEST(Metrics, RowsAgreeByTheirLargestValue) {
  const OutputComparison c = compare(floats({2, 3}, {1, 2, 3, 6, 5, 4}), floats({2, 3}, {1, 3, 2, 6, 5, 4}));
  EXPECT_DOUBLE_EQ(*c.agreement, 0.5);
  EXPECT_FALSE(c.kl);
  EXPECT_FALSE(compare(floats({3, 1}, {1, 2, 3}), floats({3, 1}, {1, 2, 4})).agreement) << "a row of one has no largest";
  EXPECT_FALSE(compare(floats({}, {1}), floats({}, {2})).agreement);
}

TEST(Metrics, ProbabilitiesHaveADivergence) {
  const OutputComparison c = compare(floats({1, 2}, {0.5, 0.5}), floats({1, 2}, {0.25, 0.75}));
  EXPECT_NEAR(*c.kl, 0.5 * std::log(2.0) + 0.5 * std::log(0.5 / 0.75), 1e-6);
  EXPECT_DOUBLE_EQ(*compare(floats({1, 2}, {1, 0}), floats({1, 2}, {1, 0})).kl, 0);
  EXPECT_FALSE(compare(floats({1, 2}, {0.5, 0.7f}), floats({1, 2}, {0.5, 0.5})).kl);
  EXPECT_TRUE(std::isfinite(*compare(floats({1, 2}, {1, 0}), floats({1, 2}, {0, 1})).kl));
}

TEST(Metrics, OtherShapesAndDtypesAreNamed) {
  const OutputComparison c = compare(floats({2}, {1, 2}), floats({1}, {1}));
  EXPECT_EQ(c.problem, "float32[2] became float32[1]");
  EXPECT_FALSE(c.missed) << "how many boxes come out may depend on values";
  EXPECT_FALSE(c.equal);
  EXPECT_TRUE(compare(floats({2}, {1, 2}), floats({1}, {1}), relative(1e-4)).missed);
  EXPECT_TRUE(compare(floats({2}, {1, 2}), floats({2, 1}, {1, 2})).missed);
  EXPECT_TRUE(compare(floats({2}, {1, 2}), ints({1, 2})).missed);
}

}  // namespace
}  // namespace whittle::verify
