#include "whittle/tensor.h"

#include <gtest/gtest.h>

#include "whittle/math.h"

namespace whittle {
namespace {

TEST(Tensor, HoldsItsValues) {
  const float values[] = {1, 2, 3, 4, 5, 6};
  const Tensor t = Tensor::of<float>(DType::kFloat, Shape{2, 3}, values).value();
  EXPECT_EQ(t.elements(), 6u);
  EXPECT_EQ(t.byte_size(), 24u);
  EXPECT_EQ(t.values<float>()[4], 5.0f);
  EXPECT_EQ(t.reshaped(Shape{3, 2}).shape(), (Shape{3, 2}));
  EXPECT_EQ(t.reshaped(Shape{6}).buffer(), t.buffer());
}

TEST(Tensor, IsComparedByBits) {
  const Tensor zero = scalar_f32(0.0f).value();
  EXPECT_TRUE(zero.identical(scalar_f32(0.0f).value()));
  EXPECT_FALSE(zero.identical(scalar_f32(-0.0f).value()));
  EXPECT_FALSE(zero.identical(scalar_i32(0).value()));
  EXPECT_FALSE(zero.identical(zero.reshaped(Shape{1})));
  const float nan = bit_cast<float>(0x7fc00001u);
  EXPECT_TRUE(scalar_f32(nan).value().identical(scalar_f32(nan).value()));
  const Tensor strings(Shape{2}, {"a", "b"});
  EXPECT_TRUE(strings.identical(Tensor(Shape{2}, {"a", "b"})));
  EXPECT_FALSE(strings.identical(Tensor(Shape{2}, {"a", "c"})));
}

TEST(Tensor, IsMadeZeroedOrNotAtAll) {
  const Tensor t = Tensor::make(DType::kInt64, Shape{3}).value();
  for (const int64_t v : t.values<int64_t>()) EXPECT_EQ(v, 0);
  EXPECT_EQ(Tensor::make(DType::kFloat, Shape{0, 5}).value().byte_size(), 0u);
  EXPECT_EQ(Tensor::make(DType::kString, Shape{2}).value().strings().size(), 2u);
  EXPECT_EQ(Tensor::make(DType::kFloat, Shape{int64_t{1} << 45}).error().code, Code::kLimit);
  EXPECT_EQ(Tensor::make(DType::kString, Shape{int64_t{1} << 60}).error().code, Code::kLimit);
  EXPECT_EQ(Tensor::make(DType::kResource, Shape{}).error().code, Code::kUnsupported);
  EXPECT_EQ(Tensor::make(DType::kFloat, Shape{-1}).error().code, Code::kCorrupt);
}

TEST(Tensor, GivesIntegersOfBothWidths) {
  const int32_t narrow[] = {1, -2};
  EXPECT_EQ(as_int64s(vector_i32(narrow).value()).value(), (std::vector<int64_t>{1, -2}));
  const int64_t wide[] = {int64_t{1} << 40};
  EXPECT_EQ(as_int64s(Tensor::of<int64_t>(DType::kInt64, Shape{1}, wide).value()).value(),
            (std::vector<int64_t>{int64_t{1} << 40}));
  EXPECT_EQ(as_int64s(scalar_f32(1).value()).error().code, Code::kInvalidArgument);
}

}  // namespace
}  // namespace whittle
