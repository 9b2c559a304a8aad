#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

Ran remove_op(std::string_view text, const PassArgs& args = {{"op", "Identity"}}) {
  return run_pass("remove_nodes", text, args);
}

TEST(RemoveNodes, LetsUsersReadTheInput) {
  const TextModel before = parse_model(R"(
    x: float[2] = Placeholder()
    c: float[2] = Const(1, 2)
    a: float = Identity(c)
    b: float = Identity(a)
    y: float = Add(b, x)
    return y)");
  const Ran ran = run_pass("remove_nodes", before, {{"op", "Identity"}});
  EXPECT_EQ(ran.text, canonical(R"(
    x: float[2] = Placeholder()
    c: float[2] = Const(1, 2)
    y: float = Add(c, x)
    return y)"));
  EXPECT_EQ(difference(before, ran.after), 0);
  EXPECT_EQ(run_pass("remove_nodes", ran.after, {{"op", "Identity"}}).text, ran.text);
}

TEST(RemoveNodes, RemovesOtherInputsOnlyWhenNobodyReadsThem) {
  constexpr std::string_view kText = R"(
    x: float[2] = Placeholder()
    low: float = Const(0)
    high: float = Const(6)
    q: float = FakeQuantWithMinMaxVars(x, low, high)
    y: float = Mul(q, high)
    return y)";
  EXPECT_EQ(remove_op(kText, {{"op", "FakeQuantWithMinMaxVars"}, {"max_inputs", "3"}}).text, canonical(R"(
    x: float[2] = Placeholder()
    high: float = Const(6)
    y: float = Mul(x, high)
    return y)"));
  EXPECT_EQ(remove_op(kText, {{"op", "FakeQuantWithMinMaxVars"}}).text, canonical(kText));
}

TEST(RemoveNodes, HandsControlInputsOn) {
  EXPECT_EQ(remove_op(R"(
    x: float[2] = Placeholder()
    e: float = NoSuchOp(x)
    i: float = Identity(x, ^e)
    y: float = Neg(x, ^i)
    z: float = Relu(i)
    return y, z)").text, canonical(R"(
    x: float[2] = Placeholder()
    e: float = NoSuchOp(x)
    y: float = Neg(x, ^e, ^x)
    z: float = Relu(x, ^e)
    return y, z)"));
}

TEST(RemoveNodes, TakesAlternativesAndStars) {
  constexpr std::string_view kText = R"(
    x: float[2] = Placeholder()
    a: float = Relu(x)
    b: float = Neg(a)
    y: float = Abs(b)
    return y)";
  EXPECT_EQ(remove_op(kText, {{"op", "Relu|Neg"}}).after.model.meta.graph.size(), 2u);
  EXPECT_EQ(remove_op(kText, {{"op", "*"}}).after.model.meta.graph.size(), 2u);
  EXPECT_EQ(remove_op(kText, {{"op", "Rel*"}}).after.model.meta.graph.size(), 4u);
}

TEST(RemoveNodes, Declines) {
  for (std::string_view text : {
           "x: float[2] = Placeholder()\n y: float = Identity(x)\n return y",
           "x: float[2] = Placeholder()\n p: bool = Placeholder()\n f: float, t: float = Switch(x, p)\n"
           "i: float = Identity(t)\n n: float = Neg(i)\n y: float, k: int32 = Merge(f, n)\n return y",
           "x: float[2] = Placeholder()\n p: bool = Placeholder()\n f: float, t: float = Switch(x, p)\n"
           "n: float = Neg(t)\n i: float = Identity(n)\n y: float, k: int32 = Merge(f, i)\n return y",
           "v: float[2] = VariableV2() {shape = shape[2]}\n i: float = Identity(v)\n y: float = Neg(i)\n return y",
       }) {
    EXPECT_EQ(remove_op(text).text, canonical(text));
  }
  constexpr std::string_view kCast = "x: int32[2] = Placeholder()\n c: float = Cast(x)\n y: float = Neg(c)\n return y";
  EXPECT_EQ(remove_op(kCast, {{"op", "Cast"}}).text, canonical(kCast));
}

TEST(RemoveNodes, RemovesCheckNumericsAndAsserts) {
  EXPECT_EQ(remove_op(R"(
    x: float[2] = Placeholder()
    c: float = CheckNumerics(x) {message = "no"}
    y: float = Neg(c)
    return y)", {{"op", "CheckNumerics"}}).text, canonical("x: float[2] = Placeholder()\n y: float = Neg(x)\n return y"));
}

TEST(RemoveNodes, NeedsAnOp) {
  EXPECT_EQ(remove_op("x: float[2] = Placeholder()", {}).error,
            "invalid_argument: remove_nodes expects at least one 'op'argument, e.g. remove_nodes(op=Identity)");
}

}  // namespace
}  // namespace whittle
