#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

constexpr std::string_view kModel = R"(
  x: float[?,4] = Placeholder()
  axis: int32 = Const(1)
  w: float[4,2] = File(1, 2, 3, 4, 5, 6, 7, 8)
  a: float, b: float = Split(axis, x) {num_split = 2}
  c: float = ConcatV2(a, b, x, axis)
  m: float = MatMul(x, w, ^a) {transpose_a = false}
  p: float = PartitionedCall(m, c) {f = @add}
  i: int32 = Cast(m)
  input x
  return p, integers=i, half=b
  init m

  function add(u: float, v: float) -> (r: float) {
    y: float = Add(u, v)
    return y
  }
)";

TEST(GraphText, ReadsWhatItPrints) {
  const std::string text = canonical(kModel);
  EXPECT_EQ(text, canonical(text));
  EXPECT_EQ(text, R"(axis: int32[] = Const(1)
w: float32[4,2] = Const(1, 2, 3, 4, 5, 6, 7, 8)
x: float32[?,4] = Placeholder()
a: float32, a:1: float32 = Split(axis, x)
c: float32 = ConcatV2(a, a:1, x, axis)
m: float32 = MatMul(x, w, ^a)
i: int32 = Cast(m)
p: float32 = PartitionedCall(m, c) {f = @add}
return half=a:1, integers=i, p
init m
function add(u: float32, v: float32) -> (r: float32) {
  y: float32 = Add(u, v)
  return y
}
)");
}

TEST(GraphText, InfersAttributesFromDtypes) {
  const TextModel m = parse_model(kModel);
  EXPECT_EQ(node_named(m.model, "c").attrs.int_or("N", 0), 3);
  EXPECT_EQ(node_named(m.model, "c").attrs.type_or("Tidx", DType::kInvalid), DType::kInt32);
  EXPECT_EQ(node_named(m.model, "i").attrs.type_or("SrcT", DType::kInvalid), DType::kFloat);
  EXPECT_EQ(node_named(m.model, "i").attrs.type_or("DstT", DType::kInvalid), DType::kInt32);
  EXPECT_EQ(node_named(m.model, "p").attrs.find("Tin")->list().types.size(), 2u);
  EXPECT_EQ(node_named(m.model, "y", "add").attrs.type_or("T", DType::kInvalid), DType::kFloat);
}

TEST(GraphText, KeepsFileConstantsInFiles) {
  const TextModel m = parse_model(kModel);
  EXPECT_EQ(node_named(m.model, "w").attrs.find("value")->tensor().kind(), TensorRef::Kind::kFile);
  EXPECT_EQ(floats_of(m, "w"), (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8}));
}

}  // namespace
}  // namespace whittle
