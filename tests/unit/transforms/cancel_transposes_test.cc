#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

constexpr std::string_view kHead = R"(
    x: float[2,3,4,5] = Placeholder()
    z: float[2,3,4,5] = Placeholder()
    p: int32[4] = Const(0, 3, 1, 2)
    q: int32[4] = Const(0, 2, 3, 1)
    t: float = Transpose(x, p)
    u: float = Transpose(z, p)
)";

void expect_gone(std::string_view lines, size_t nodes) {
  const TextModel before = parse_model(std::string(kHead) + std::string(lines) + "\n o: float = Transpose(m, q)\n y: float = Tanh(o)\n return y");
  const Ran ran = run_pass("cancel_transposes", before);
  ASSERT_TRUE(ran.ok) << ran.error;
  // z stays, which the signature names.
  const Ran pruned = run_pass("prune_unused", ran.after);
  EXPECT_EQ(pruned.after.model.meta.graph.size(), nodes) << pruned.text;
  EXPECT_EQ(pruned.text.find("Transpose"), std::string::npos) << pruned.text;
  EXPECT_EQ(difference(before, ran.after), 0) << ran.text;
  EXPECT_EQ(run_pass("cancel_transposes", ran.after).text, ran.text);
}

TEST(CancelTransposes, TakesThemOutAroundElementwiseOps) {
  expect_gone("m: float = Relu(t)", 4);
  expect_gone("a: float = Relu(t)\n s: float = Neg(a)\n m: float = AddV2(s, u)", 6);
  expect_gone("c: float = Const(2)\n m: float = Mul(c, t)", 5);
}

TEST(CancelTransposes, ReshapesConstantsOfChannels) {
  expect_gone("c: float[5,1,1] = Const(seed=1)\n m: float = Mul(t, c)", 5);
  expect_gone("c: float[5] = Const(seed=1)\n m: float = BiasAdd(t, c) {data_format = \"NCHW\"}", 5);
}

TEST(CancelTransposes, TurnsPadsAndAxes) {
  expect_gone("c: int32[4,2] = Const(0, 0, 0, 0, 1, 2, 3, 0)\n m: float = Pad(t, c)", 5);
  expect_gone("c: int32[4,2] = Const(0, 0, 0, 0, 1, 2, 3, 0)\n m: float = MirrorPad(t, c) {mode = \"REFLECT\"}", 5);
  expect_gone("c: int32 = Const(-3)\n m: float = ConcatV2(t, u, c)", 5);
}

TEST(CancelTransposes, LeavesATransposeThatOthersRead) {
  const TextModel before = parse_model(std::string(kHead) + "m: float = Relu(t)\n o: float = Transpose(m, q)\n y: float = Tanh(o)\n v: float = Exp(t)\n return y, v");
  const Ran ran = run_pass("cancel_transposes", before);
  EXPECT_EQ(ran.after.model.meta.graph.find("o"), kNoNode);
  EXPECT_NE(ran.after.model.meta.graph.find("t"), kNoNode);
  EXPECT_EQ(difference(before, ran.after), 0);
}

TEST(CancelTransposes, Declines) {
  for (std::string_view lines : {
           // Another order, another reader, a constant with two sizes, an op that cares.
           "m: float = Relu(t)\n o: float = Transpose(m, p)\n y: float = Tanh(o)\n return y",
           "m: float = Relu(t)\n o: float = Transpose(m, q)\n y: float = Tanh(o)\n return y, m",
           "c: float[3,1,5] = Const(seed=1)\n n: float[2,5,3,4] = Placeholder()\n d: float[5,3,1] = Const(seed=2)\n m: float = Mul(t, d)\n o: float = Transpose(m, q)\n y: float = Tanh(o)\n return y",
           "m: float = Softmax(t)\n o: float = Transpose(m, q)\n y: float = Tanh(o)\n return y",
           "m: float = AddV2(t, n)\n n: float[2,5,3,4] = Placeholder()\n o: float = Transpose(m, q)\n y: float = Tanh(o)\n return y",
           "c: float[4] = Const(seed=1)\n m: float = BiasAdd(t, c)\n o: float = Transpose(m, q)\n y: float = Tanh(o)\n return y",
           "m: float = Relu(t)\n o: float = Transpose(m, q)\n return o",
       }) {
    const std::string text = std::string(kHead) + std::string(lines);
    EXPECT_EQ(run_pass("cancel_transposes", text).text, canonical(text)) << lines;
  }
}

}  // namespace
}  // namespace whittle
