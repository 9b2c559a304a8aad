#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

Ran simplify(const TextModel& m) { return run_pass("simplify_arithmetic", m); }

void expect_rewrite(std::string_view text, std::string_view after, double most = 1e-6) {
  const TextModel before = parse_model(text);
  const Ran ran = simplify(before);
  ASSERT_TRUE(ran.ok) << ran.error << text;
  EXPECT_EQ(ran.text, canonical(after)) << text;
  EXPECT_EQ(simplify(ran.after).text, ran.text) << text;
  const double d = difference(before, ran.after);
  EXPECT_GE(d, 0) << text;
  EXPECT_LE(d, most) << text;
}

void expect_declines(std::initializer_list<std::string_view> texts) {
  for (std::string_view text : texts) EXPECT_EQ(simplify(parse_model(text)).text, canonical(text));
}

TEST(SimplifyArithmetic, TakesOutZerosAndOnes) {
  for (std::string_view line : {"c: float = Const(0)\n m: float = AddV2(x, c)", "c: float = Const(0)\n m: float = AddV2(c, x)",
                                "c: float = Const(0)\n m: float = Sub(x, c)", "c: float[3] = Const(1)\n m: float = Mul(c, x)",
                                "c: float[1,3] = Splat(1)\n m: float = RealDiv(x, c)", "c: float[3] = Const(0)\n m: float = BiasAdd(x, c)",
                                "c: float = Const(1)\n m: float = Pow(x, c)", "c: float[3] = File(0, 0, 0)\n m: float = Add(x, c)",
                                "n: float = Neg(x)\n m: float = Neg(n)"}) {
    expect_rewrite("x: float[?,3] = Placeholder()\n" + std::string(line) + "\n y: float = Tanh(m)\n return y",
                   "x: float[?,3] = Placeholder()\n y: float = Tanh(x)\n return y", 0);
  }
}

TEST(SimplifyArithmetic, DeclinesConstantsThatMayEnlarge) {
  expect_declines({
      "x: float[?,?] = Placeholder()\n c: float[3] = Const(0)\n m: float = AddV2(x, c)\n y: float = Tanh(m)\n return y",
      "x: float[3] = Placeholder()\n c: float[1,3] = Const(1)\n m: float = Mul(x, c)\n y: float = Tanh(m)\n return y",
      "x: float[2,3] = Placeholder()\n c: float = Const(0)\n m: float = Sub(c, x)\n y: float = Tanh(m)\n return y",
      "x: float[2,3] = Placeholder()\n c: float = Const(1)\n m: float = RealDiv(c, x)\n y: float = Tanh(m)\n return y",
      "x: float[2,3] = Placeholder()\n c: float[3] = Const(1, 1, 2)\n m: float = Mul(x, c)\n y: float = Tanh(m)\n return y",
      // Named, fed, ordered.
      "x: float[2,3] = Placeholder()\n c: float = Const(0)\n y: float = AddV2(x, c)\n return y",
      "x: float[2,3] = Placeholder()\n c: float = Const(0)\n m: float = AddV2(x, c)\n y: float = Tanh(m)\n input x, c\n return y",
      "x: float[2,3] = Placeholder()\n a: float = Relu(x)\n b: float = Relu(a)\n y: float = Tanh(b)\n input a\n return y",
  });
}

TEST(SimplifyArithmetic, DoesThingsOnce) {
  expect_rewrite("x: float[3] = Placeholder()\n a: float = Relu(x)\n b: float = Relu(a)\n y: float = Tanh(b)\n return y",
                 "x: float[3] = Placeholder()\n a: float = Relu(x)\n y: float = Tanh(a)\n return y", 0);
  expect_rewrite("x: float[3] = Placeholder()\n a: float = Relu6(x)\n b: float = Relu(a)\n y: float = Tanh(b)\n return y",
                 "x: float[3] = Placeholder()\n a: float = Relu6(x)\n y: float = Tanh(a)\n return y", 0);
}

TEST(SimplifyArithmetic, TurnsSignsIntoDifferences) {
  expect_rewrite("x: float[3] = Placeholder()\n z: float[3] = Placeholder()\n n: float = Neg(z)\n y: float = AddV2(n, x)\n return y",
                 "x: float[3] = Placeholder()\n z: float[3] = Placeholder()\n y: float = Sub(x, z)\n return y", 0);
  expect_rewrite("x: float[3] = Placeholder()\n z: float[3] = Placeholder()\n c: float = Const(0)\n n: float = Sub(c, z)\n y: float = Sub(x, n)\n return y",
                 "x: float[3] = Placeholder()\n z: float[3] = Placeholder()\n y: float = Add(x, z)\n return y", 0);
  expect_declines({"x: float[3] = Placeholder()\n z: float[3] = Placeholder()\n n: float = Neg(z)\n y: float = AddV2(n, x)\n return y, n"});
}

TEST(SimplifyArithmetic, AddsConstantsUp) {
  const TextModel before = parse_model(R"(
    x: float[?,2] = Placeholder()
    a: float[2] = Const(1, 2)
    b: float = Const(0.5)
    c: float[1,2] = Const(3, 4)
    p: float = BiasAdd(x, a)
    q: float = Sub(p, b)
    r: float = Sub(c, q)
    y: float = Tanh(r)
    return y)");
  const Ran ran = simplify(before);
  EXPECT_EQ(ran.after.model.meta.graph.size(), 4u) << ran.text;
  EXPECT_LE(difference(before, ran.after), 1e-6);
  EXPECT_EQ(simplify(ran.after).text, ran.text);
  const TextModel product = parse_model(R"(
    x: float[?,2] = Placeholder()
    a: float[2] = Const(4, 2)
    b: float = Const(0.5)
    p: float = RealDiv(x, a)
    q: float = Mul(b, p)
    y: float = Tanh(q)
    return y)");
  EXPECT_EQ(simplify(product).after.model.meta.graph.size(), 4u);
  EXPECT_LE(difference(product, simplify(product).after), 1e-6);
}

TEST(SimplifyArithmetic, KeepsTheTrickThatRounds) {
  expect_declines({
      "x: float[3] = Placeholder()\n a: float = Const(12582912)\n b: float = Const(-12582912)\n p: float = Add(x, a)\n y: float = Add(p, b)\n return y",
      "x: float[3] = Placeholder()\n a: float = Const(1e38)\n b: float = Const(1e-38)\n p: float = Mul(x, a)\n y: float = Mul(p, b)\n return y",
      "x: float[3] = Placeholder()\n a: float[1,3] = Const(2)\n b: float[3,1] = Const(3)\n p: float = Mul(x, a)\n y: float = Mul(p, b)\n return y",
      "x: float[3] = Placeholder()\n a: float = Const(2)\n b: float = Const(3)\n p: float = Mul(x, a)\n y: float = Mul(p, b)\n return y, p",
  });
}

TEST(SimplifyArithmetic, JoinsSumsOfEqualShapes) {
  expect_rewrite("x: float[?,3] = Placeholder()\n a: float = Relu(x)\n b: float = Tanh(x)\n p: float = AddV2(x, a)\n y: float = AddV2(p, b)\n return y",
                 "x: float[?,3] = Placeholder()\n a: float = Relu(x)\n b: float = Tanh(x)\n y: float = AddN(x, a, b)\n return y", 0);
  expect_declines({
      "x: float[?,3] = Placeholder()\n z: float[?,3] = Placeholder()\n a: float = Relu(x)\n p: float = AddV2(x, a)\n y: float = AddV2(p, z)\n return y",
      "x: float[?,3] = Placeholder()\n a: float = Relu(x)\n p: float = AddV2(x, a)\n y: float = AddV2(p, a)\n return y, p",
  });
}

TEST(SimplifyArithmetic, SquaresDifferences) {
  expect_rewrite("x: float[3] = Placeholder()\n z: float[] = Placeholder()\n d: float = Sub(x, z)\n y: float = Square(d)\n return y",
                 "x: float[3] = Placeholder()\n z: float[] = Placeholder()\n y: float = SquaredDifference(x, z)\n return y", 0);
  expect_rewrite("x: float[3] = Placeholder()\n z: float[] = Placeholder()\n d: float = Sub(x, z)\n y: float = Mul(d, d)\n return y",
                 "x: float[3] = Placeholder()\n z: float[] = Placeholder()\n y: float = SquaredDifference(x, z)\n return y", 0);
}

TEST(SimplifyArithmetic, TransposesInsideProducts) {
  expect_rewrite("x: float[3,2] = Placeholder()\n z: float[3,4] = Placeholder()\n p: int32[2] = Const(1, 0)\n t: float = Transpose(x, p)\n y: float = MatMul(t, z)\n return y",
                 "x: float[3,2] = Placeholder()\n z: float[3,4] = Placeholder()\n y: float = MatMul(x, z) {transpose_a = true}\n return y");
  expect_rewrite("x: float[5,2,3] = Placeholder()\n z: float[5,4,3] = Placeholder()\n p: int32[3] = Const(0, 2, 1)\n t: float = Transpose(z, p)\n y: float = BatchMatMulV2(x, t)\n return y",
                 "x: float[5,2,3] = Placeholder()\n z: float[5,4,3] = Placeholder()\n y: float = BatchMatMulV2(x, z) {adj_y = true}\n return y");
  expect_declines({"x: float[5,2,3] = Placeholder()\n z: float[3,4,5] = Placeholder()\n p: int32[3] = Const(2, 0, 1)\n t: float = Transpose(z, p)\n y: float = BatchMatMulV2(x, t)\n return y"});
}

TEST(SimplifyArithmetic, PadsInsideConvolutions) {
  constexpr std::string_view kHead = "x: float[?,6,6,2] = Placeholder()\n w: float[3,3,2,4] = Const(seed=1)\n";
  const auto model = [&](std::string_view pads, std::string_view strides) {
    return std::string(kHead) + "p: int32[4,2] = Const(" + std::string(pads) + ")\n d: float = Pad(x, p)\n y: float = Conv2D(d, w) {strides = " +
           std::string(strides) + ", padding = \"VALID\"}\n return y";
  };
  const auto same = [&](std::string_view strides) {
    return std::string(kHead) + "y: float = Conv2D(x, w) {strides = " + std::string(strides) + ", padding = \"SAME\"}\n return y";
  };
  expect_rewrite(model("0, 0, 1, 1, 1, 1, 0, 0", "[1, 1, 1, 1]"), same("[1, 1, 1, 1]"));
  expect_rewrite(model("0, 0, 0, 1, 0, 1, 0, 0", "[1, 2, 2, 1]"), same("[1, 2, 2, 1]"));
  expect_declines({model("0, 0, 1, 1, 1, 1, 0, 0", "[1, 2, 2, 1]"), model("0, 0, 2, 0, 1, 1, 0, 0", "[1, 1, 1, 1]"), model("0, 0, 1, 1, 1, 1, 1, 0", "[1, 1, 1, 1]")});
}

}  // namespace
}  // namespace whittle
