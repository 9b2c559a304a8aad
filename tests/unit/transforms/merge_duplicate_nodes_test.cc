#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

Ran merge(std::string_view text) { return run_pass("merge_duplicate_nodes", text); }

TEST(MergeDuplicateNodes, MergesEqualConstantsAndWhatFollows) {
  const TextModel before = parse_model(R"(
    a: float[3] = Const(1, 2, 3)
    b: float[3] = Const(1, 2, 3)
    c: float[3] = Const(2, 3, 4)
    u: float = Relu(a)
    v: float = Relu(b)
    s: float = Add(u, v)
    y: float = Mul(s, c)
    return y)");
  const Ran ran = run_pass("merge_duplicate_nodes", before);
  EXPECT_EQ(ran.text, canonical(R"(
    a: float[3] = Const(1, 2, 3)
    c: float[3] = Const(2, 3, 4)
    u: float = Relu(a)
    s: float = Add(u, u)
    y: float = Mul(s, c)
    return y)"));
  EXPECT_EQ(difference(before, ran.after), 0);
}

TEST(MergeDuplicateNodes, KeepsEndpoints) {
  EXPECT_EQ(merge(R"(
    a: float[2] = Placeholder()
    b: float[2] = Placeholder()
    m1: float = Mul(a, b)
    m2: float = Mul(b, a)
    m3: float = Mul(a, b)
    y: float = Add(m2, m3)
    return m1, y, z=m2)").text, canonical(R"(
    a: float[2] = Placeholder()
    b: float[2] = Placeholder()
    m1: float = Mul(a, b)
    m2: float = Mul(b, a)
    y: float = Add(m2, m1)
    return m1, y, z=m2)"));
}

TEST(MergeDuplicateNodes, LetsTheEndpointStayWhenItComesLater) {
  EXPECT_EQ(merge(R"(
    x: float[2] = Placeholder()
    a: float = Relu(x)
    b: float = Relu(x)
    c: float = Neg(a)
    return b, c)").text, canonical(R"(
    x: float[2] = Placeholder()
    b: float = Relu(x)
    c: float = Neg(b)
    return b, c)"));
}

TEST(MergeDuplicateNodes, TakesADefaultForWrittenOut) {
  EXPECT_EQ(merge(R"(
    x: float[2,2] = Placeholder()
    a: float = MatMul(x, x) {transpose_a = false}
    b: float = MatMul(x, x) {_output_shapes = [shape[2,2]]}
    c: float = MatMul(x, x) {transpose_a = true}
    y: float = AddN(a, b, c)
    return y)").after.model.meta.graph.size(), 4u);
}

TEST(MergeDuplicateNodes, Declines) {
  for (std::string_view text : {
           "s: int32[1] = Const(2)\n a: float = RandomUniform(s)\n b: float = RandomUniform(s)\n y: float = Add(a, b)\n return y",
           "x: float[2] = Placeholder()\n a: float = NoSuchOp(x)\n b: float = NoSuchOp(x)\n return a, b",
           "x: float[2] = Placeholder()\n a: float = Sub(x, x)\n b: float = Relu(x, ^a)\n c: float = Relu(x)\n d: float = Add(b, c)\n return d",
           "x: float[2] = Placeholder()\n z: float = Placeholder()\n a: float = Sub(x, z)\n b: float = Sub(z, x)\n d: float = Add(a, b)\n return d",
           "a: float[2] = Const(1, 2)\n b: float[1,2] = Const(1, 2)\n c: float[2] = Const(1, 3)\n y: float = AddN(a, b, c)\n return y",
       }) {
    EXPECT_EQ(merge(text).text, canonical(text));
  }
}

TEST(MergeDuplicateNodes, KnowsOneValueInEveryForm) {
  EXPECT_EQ(merge(R"(
    a: float[100] = Const(0.5)
    b: float[100] = Splat(0.5)
    c: float[99] = Splat(0.5)
    y: float = AddN(a, b, b)
    return y, c)").after.model.meta.graph.size(), 3u);
}

TEST(MergeDuplicateNodes, ScansOnlyCandidates) {
  const Ran ran = merge(R"(
    a: float[50,40] = File(seed=1)
    b: float[50,40] = File(seed=1)
    c: float[50,40] = File(seed=2)
    d: float[40,50] = File(seed=3)
    y: float = AddN(a, b, c)
    return y, d)");
  EXPECT_EQ(ran.bytes_scanned, 2 * 50 * 40 * 4u);
  EXPECT_EQ(ran.after.model.meta.graph.size(), 4u);
}

TEST(MergeDuplicateNodes, MergesWhatFunctionsCapture) {
  EXPECT_EQ(merge(R"(
    x: float[2] = Placeholder()
    w: float[200] = File(seed=1)
    v: float[200] = File(seed=1)
    a: float = PartitionedCall(x, w) {f = @f}
    b: float = PartitionedCall(x, v) {f = @f}
    y: float = Sub(a, b)
    return y
    function f(p: float, q: float) -> (r: float) {
      c: float[1] = Const(3)
      d: float[1] = Const(3)
      e: float = AddN(p, q, c, d)
      return e
    })").text, canonical(R"(
    x: float[2] = Placeholder()
    w: float[200] = File(seed=1)
    a: float = PartitionedCall(x, w) {f = @f}
    y: float = Sub(a, a)
    return y
    function f(p: float, q: float) -> (r: float) {
      c: float[1] = Const(3)
      e: float = AddN(p, q, c, c)
      return e
    })"));
}

TEST(MergeDuplicateNodes, IsStableWhenRunTwice) {
  const Ran once = merge("a: string[1] = Const(\"x\")\n b: string[1] = Const(\"x\")\n y: string = StringJoin(a, b)\n return y");
  EXPECT_EQ(once.after.model.meta.graph.size(), 2u);
  EXPECT_EQ(run_pass("merge_duplicate_nodes", once.after).text, once.text);
}

}  // namespace
}  // namespace whittle
