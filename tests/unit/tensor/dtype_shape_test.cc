#include <gtest/gtest.h>

#include "whittle/dtype.h"
#include "whittle/shape.h"

namespace whittle {
namespace {

TEST(DType, NamesGoThereAndBack) {
  for (int32_t n = 1; n <= 33; ++n) {
    const DType t = static_cast<DType>(n);
    EXPECT_EQ(dtype_from_name(dtype_name(t)), t) << n;
    EXPECT_EQ(dtype_from_name(dtype_name(ref_dtype(t))), ref_dtype(t)) << n;
  }
  EXPECT_EQ(dtype_name(DType::kFloat), "float32");
  EXPECT_EQ(dtype_name(static_cast<DType>(101)), "float32_ref");
  EXPECT_EQ(dtype_name(static_cast<DType>(77)), "dtype(77)");
  EXPECT_EQ(dtype_name(static_cast<DType>(-5)), "dtype(-5)");
  EXPECT_EQ(dtype_from_name("float"), DType::kFloat);
  EXPECT_EQ(dtype_from_name("half"), DType::kHalf);
  EXPECT_EQ(dtype_from_name("double"), DType::kDouble);
  EXPECT_EQ(dtype_from_name("invalid"), DType::kInvalid);
  EXPECT_EQ(dtype_from_name("_ref"), DType::kInvalid);
}

TEST(DType, WidthsAreThoseOfTensorContent) {
  EXPECT_EQ(byte_width(DType::kFloat), 4u);
  EXPECT_EQ(byte_width(DType::kComplex128), 16u);
  EXPECT_EQ(swap_width(DType::kComplex128), 8u);
  EXPECT_EQ(swap_width(DType::kComplex64), 4u);
  EXPECT_EQ(byte_width(DType::kInt4), 1u);
  EXPECT_EQ(byte_width(DType::kFloat8E5m2), 1u);
  for (const DType t : {DType::kString, DType::kResource, DType::kVariant, DType::kInvalid,
                        static_cast<DType>(77), static_cast<DType>(101), static_cast<DType>(-1)}) {
    EXPECT_EQ(byte_width(t), 0u) << dtype_name(t);
  }
}

TEST(DType, IntegersAndFloatsAreToldApart) {
  EXPECT_TRUE(is_floating(DType::kBfloat16));
  EXPECT_FALSE(is_floating(DType::kComplex64));
  EXPECT_TRUE(is_integer(DType::kUint4));
  EXPECT_FALSE(is_integer(DType::kBool));
  EXPECT_FALSE(is_integer(DType::kQint8));
}

TEST(Shape, CountsItsElements) {
  EXPECT_EQ(Shape{}.elements().value(), 1u);
  EXPECT_EQ((Shape{2, 3, 4}).elements().value(), 24u);
  EXPECT_EQ((Shape{0, int64_t{1} << 40, int64_t{1} << 40}).elements().value(), 0u);
  EXPECT_EQ((Shape{INT64_MAX}).elements().value(), uint64_t{INT64_MAX});
}

TEST(Shape, RefusesWhatHasNoCount) {
  EXPECT_EQ(Shape::unknown().elements().error().code, Code::kCorrupt);
  EXPECT_EQ((Shape{2, -1}).elements().error().message, "shape [2,?] is not fully defined");
  EXPECT_EQ((Shape{-5}).elements().error().message, "shape [-5] is not fully defined");
  EXPECT_FALSE((Shape{int64_t{1} << 31, int64_t{1} << 31, 4}).elements().ok());
  EXPECT_FALSE((Shape{int64_t{1} << 62, 2}).elements().ok());
  EXPECT_FALSE((Shape{int64_t{1} << 62, 4, 0}).elements().ok());
  EXPECT_FALSE(Shape(std::vector<int64_t>(255, 1)).elements().ok());
  EXPECT_TRUE(Shape(std::vector<int64_t>(254, 1)).elements().ok());
}

TEST(Shape, KnowsItsBytes) {
  EXPECT_EQ(byte_size(DType::kFloat, Shape{3, 5}).value(), 60u);
  EXPECT_EQ(byte_size(DType::kString, Shape{3}).value(), 0u);
  EXPECT_EQ(byte_size(DType::kFloat, Shape{int64_t{1} << 60}).value(), uint64_t{1} << 62);
  EXPECT_FALSE(byte_size(DType::kDouble, Shape{int64_t{1} << 60}).ok());
}

TEST(Shape, ShowsItself) {
  EXPECT_EQ(Shape{}.to_string(), "[]");
  EXPECT_EQ((Shape{-1, 3}).to_string(), "[?,3]");
  EXPECT_EQ(Shape::unknown().to_string(), "unknown");
}

TEST(Shape, IsCompatibleWhenSomeShapeFitsBoth) {
  EXPECT_TRUE((Shape{-1, 3}).compatible(Shape{2, 3}));
  EXPECT_TRUE(Shape::unknown().compatible(Shape{2, 3}));
  EXPECT_FALSE((Shape{-1, 3}).compatible(Shape{2, 4}));
  EXPECT_FALSE((Shape{-1, 3}).compatible(Shape{3}));
}

}  // namespace
}  // namespace whittle
