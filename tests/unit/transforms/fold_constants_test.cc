#include <gtest/gtest.h>

#include "support/run_pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

Ran fold(std::string_view text, const PassArgs& args = {}) { return run_pass("fold_constants", text, args); }

constexpr std::string_view kAdd = R"(
    a: float[100] = Const(seed=1)
    b: float[100] = File(seed=2)
    add: float = Add(a, b)
    x: float[100] = Placeholder()
    y: float = Mul(add, x)
    return y)";

TEST(FoldConstants, FoldsUnderTheNodesName) {
  const TextModel before = parse_model(kAdd);
  const Ran ran = run_pass("fold_constants", before);
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(ran.after.model.meta.graph.size(), 3u);
  EXPECT_EQ(node_named(ran.after.model, "add").op, "Const");
  EXPECT_EQ(difference(before, ran.after), 0);
  EXPECT_EQ(run_pass("fold_constants", ran.after).text, ran.text);
}

TEST(FoldConstants, ObeysItsParameters) {
  for (const PassArgs& args : {PassArgs{{"exclude_op", "Mul"}, {"exclude_op", "Add"}}, PassArgs{{"exclude_node", "add"}},
                               PassArgs{{"max_constant_size_in_bytes", "399"}}, PassArgs{{"max_constant_size_in_bytes", "-1"}}}) {
    EXPECT_EQ(fold(kAdd, args).text, canonical(kAdd));
  }
  EXPECT_EQ(fold(kAdd, {{"max_constant_size_in_bytes", "800"}}).after.model.meta.graph.size(), 3u);
  constexpr std::string_view kHint = "x: float[?] = Placeholder()\n y: float = Relu(x) {_output_shapes = [shape[3]]}\n return y";
  EXPECT_EQ(fold(kHint).text, canonical("x: float[?] = Placeholder()\n y: float = Relu(x)\n return y"));
  EXPECT_EQ(fold(kHint, {{"clear_output_shapes", "false"}}).text, canonical(kHint));
}

TEST(FoldConstants, FoldsOutputsInPlace) {
  EXPECT_EQ(fold(R"(
    a: float[2] = Const(1, 2)
    b: float[2] = Const(3, 4)
    y: float = AddN(a, b, b)
    z: float = Neg(y)
    return y, z)").text, canonical(R"(
    y: float[2] = Const(7, 10)
    z: float[2] = Const(-7, -10)
    return y, z)"));
}

TEST(FoldConstants, KeepsASmallNodeThatIsShorterThanItsValue) {
  EXPECT_EQ(fold(R"(
    a: float[100] = Const(seed=1)
    y: float = Neg(a)
    return y, a)").text, canonical(R"(
    a: float[100] = Const(seed=1)
    y: float = Neg(a)
    return y, a)"));
}

TEST(FoldConstants, FoldsStaticShapes) {
  EXPECT_EQ(fold(R"(
    x: float[?,4,4,2] = Placeholder()
    w: float[1,1,2,5] = Const(seed=1)
    c: float = Conv2D(x, w) {strides = [1, 2, 2, 1], padding = "SAME"}
    shape: int32 = Shape(c)
    begin: int32[1] = Const(1)
    end: int32[1] = Const(4)
    one: int32[1] = Const(1)
    part: int32 = StridedSlice(shape, begin, end, one)
    rank: int32 = Rank(x)
    y: int32 = Add(part, rank)
    return c, y)").text, canonical(R"(
    x: float[?,4,4,2] = Placeholder()
    w: float[1,1,2,5] = Const(seed=1)
    c: float = Conv2D(x, w) {strides = [1, 2, 2, 1], padding = "SAME"}
    y: int32[3] = Const(6, 6, 9)
    return c, y)"));
}

TEST(FoldConstants, KeepsShapesThatAreNotKnown) {
  const std::string text = R"(
    x: float[?,4] = Placeholder()
    shape: int32 = Shape(x)
    size: int32 = Size(x)
    return shape, size)";
  EXPECT_EQ(fold(text).text, canonical(text));
}

TEST(FoldConstants, ViewsOfAWeightReadNoByte) {
  const Ran ran = fold(R"(
    w: float[200,30] = File(seed=1)
    read: float = Identity(w)
    shape: int32[3] = Const(20, -1, 30)
    cube: float = Reshape(read, shape)
    axis: int32 = Const(0)
    four: float = ExpandDims(cube, axis)
    flat: float = Squeeze(four)
    x: float[20,5,10] = Placeholder()
    y: float = BatchMatMulV2(x, flat)
    return y)");
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(ran.bytes_read, 0u);
  EXPECT_EQ(ran.after.model.meta.graph.size(), 3u);
  EXPECT_EQ(node_named(ran.after.model, "flat").attrs.find("value")->tensor().shape(), (Shape{20, 10, 30}));
}

TEST(FoldConstants, DoesNotGrowTheModel) {
  for (std::string_view text : {
           // 400 bytes become 4000.
           "a: float[1000,1] = Const(seed=1)\n b: float[1,20] = Const(seed=2)\n x: float[20] = Placeholder()\n"
           "m: float = Mul(a, b)\n y: float = Mul(m, x)\n return y",
           // The weight stays anyway, so its transpose would come on top.
           "w: float[40,50] = File(seed=1)\n order: int32[2] = Const(1, 0)\n t: float = Transpose(w, order)\n"
           "x: float[40] = Placeholder()\n y: float = Mul(t, x)\n z: float = MatMul(t, w)\n u: float = MatMul(z, w)\n q: float = Placeholder()\n v: float = MatMul(w, q)\n"
           "return y, u, v",
       }) {
    const Ran ran = fold(text);
    uint64_t bytes = 0;
    for (NodeId id : ran.after.model.meta.graph.ids()) {
      const AttrValue* v = ran.after.model.meta.graph.node(id).attrs.find("value");
      if (v != nullptr) bytes += v->tensor().byte_size();
    }
    EXPECT_LE(bytes, 12000u) << text;
  }
}

TEST(FoldConstants, FoldsWhatFollowsSomethingLarge) {
  EXPECT_EQ(fold(R"(
    n: int32[1] = Const(5000)
    half: float = Const(0.5)
    many: float = Fill(n, half)
    axis: int32 = Const(0)
    y: float = Sum(many, axis)
    return y)").text, canonical(R"(
    y: float[] = Const(2500)
    return y)"));
}

TEST(FoldConstants, Declines) {
  for (std::string_view text : {
           // What is fed.
           "a: float[2] = PlaceholderWithDefault(b)\n b: float[2] = Const(1, 2)\n y: float = Neg(a)\n return y",
           "a: float[2] = Const(1, 2)\n y: float = Neg(a)\n input a\n return y",
           "a: string[] = Const(\"f\")\n y: string = StringJoin(a, a)\n return y\n asset a: f.txt",
           // What is random, or unknown.
           "s: int32[1] = Const(2)\n y: float = RandomUniform(s)\n return y",
           "s: int32[1] = Const(2)\n y: float = NoSuchOp(s)\n return y",
           // Codes.
           "q: int8[4] = Const(1, 2, 3, 4)\n f: float = Cast(q)\n s: float[] = Const(0.5)\n w: float = Mul(f, s)\n return w",
           "h: half[4] = Const(1, 2, 3, 4)\n w: float = Cast(h)\n return w",
           "q: quint8[4] = Const(1, 2, 3, 4)\n a: float[] = Const(0)\n b: float[] = Const(1)\n w: float = Dequantize(q, a, b)\n return w",
           // What TensorFlow would refuse when it runs.
           "a: int32[] = Const(1)\n b: int32[] = Const(0)\n y: int32 = FloorDiv(a, b)\n return y",
           "a: float[2] = Const(1, 2)\n b: float[3] = Const(1, 2, 3)\n y: float = Add(a, b)\n return y",
       }) {
    EXPECT_EQ(fold(text).text, canonical(text)) << text;
  }
}

TEST(FoldConstants, KeepsControlEdgesOfEffects) {
  EXPECT_EQ(fold(R"(
    x: float[2] = Placeholder()
    p: float = Relu(x)
    e: float = NoSuchOp(x)
    a: float[2] = Const(1, 2, ^p)
    y: float = Neg(a, ^e)
    z: float = Relu(x, ^y)
    return y, z)").text, canonical(R"(
    x: float[2] = Placeholder()
    e: float = NoSuchOp(x)
    y: float[2] = Const(-1, -2, ^e)
    z: float = Relu(x, ^e)
    return y, z)"));
}

TEST(FoldConstants, FoldsSplitOutputsThatAreUsed) {
  EXPECT_EQ(fold(R"(
    x: float[1] = Placeholder()
    axis: int32 = Const(0)
    a: float[2] = Const(1, 2)
    s: float, t: float = Split(axis, a)
    y: float = Mul(t, x)
    return y)").text, canonical(R"(
    x: float[1] = Placeholder()
    s/output_1: float[1] = Const(2)
    y: float = Mul(s/output_1, x)
    return y)"));
}

TEST(FoldConstants, StaysInItsBranch) {
  EXPECT_EQ(fold(R"(
    p: bool[] = Placeholder()
    x: float[2] = Placeholder()
    f: float, t: float = Switch(x, p)
    pivot: float = Identity(t)
    a: float[2] = Const(1, 2, ^pivot)
    n: float = Neg(a)
    m: float, i: int32 = Merge(f, n)
    return m)").text, canonical(R"(
    p: bool[] = Placeholder()
    x: float[2] = Placeholder()
    f: float, t: float = Switch(x, p)
    pivot: float = Identity(t)
    n: float[2] = Const(-1, -2, ^pivot)
    m: float, i: int32 = Merge(f, n)
    return m)"));
}

TEST(FoldConstants, WorksInFunctionBodies) {
  EXPECT_EQ(fold(R"(
    x: float[2] = Placeholder()
    y: float = PartitionedCall(x) {f = @f}
    return y
    function f(v: float) -> (r: float) {
      a: float[2] = Const(1, 2)
      b: float = Neg(a)
      c: float = Mul(b, v)
      return c
    })").text, canonical(R"(
    x: float[2] = Placeholder()
    y: float = PartitionedCall(x) {f = @f}
    return y
    function f(v: float) -> (r: float) {
      b: float[2] = Const(-1, -2)
      c: float = Mul(b, v)
      return c
    })"));
}

}  // namespace
}  // namespace whittle
