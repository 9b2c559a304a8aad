#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

Ran strip(std::string_view text, const PassArgs& args = {}) { return run_pass("strip_unused_nodes", text, args); }

constexpr std::string_view kText = R"(
  a: float[2,3] = Const(seed=1)
  b: float[3] = Const(1, 2, 3)
  unused: float[3] = Const(1, 2, 3)
  mul: float = Mul(a, b)
  x: int32[4] = Placeholder()
  f: float = Cast(x)
  y: float = Add(mul, b)
  input mul, x
  return y)";

TEST(StripUnusedNodes, KeepsWhatLiesBetween) {
  const Ran ran = strip(kText);
  EXPECT_EQ(ran.text, canonical(R"(
    b: float[3] = Const(1, 2, 3)
    mul: float[2,3] = Placeholder()
    x: int32[4] = Placeholder()
    y: float = Add(mul, b)
    return y)"));
  EXPECT_EQ(run_pass("strip_unused_nodes", ran.after).text, ran.text);
}

TEST(StripUnusedNodes, TakesTypesAndShapes) {
  EXPECT_EQ(node_named(strip(kText, {{"type", "int32"}, {"shape", "1, ?,-1"}}).after.model, "mul").attrs.find("shape")->shape(),
            (Shape{1, -1, -1}));
  const Ran ran = strip(kText, {{"type", "int32"}, {"shape", "1"}, {"name", "mul"}, {"type_for_name", "quint8"}, {"shape_for_name", "1, 2, 3"}});
  EXPECT_EQ(node_named(ran.after.model, "mul").attrs.type_or("dtype", DType::kInvalid), DType::kQuint8);
  EXPECT_EQ(node_named(ran.after.model, "mul").attrs.find("shape")->shape(), (Shape{1, 2, 3}));
  EXPECT_EQ(node_named(ran.after.model, "x").attrs.type_or("dtype", DType::kInvalid), DType::kInt32);
}

TEST(StripUnusedNodes, KeepsTheMeaningForTheSameFeeds) {
  const TextModel before = parse_model(R"(
    x: float[2,3] = Placeholder()
    w: float[3,2] = Const(seed=2)
    gone: float[3,2] = Const(seed=2)
    z: float = Neg(gone)
    y: float = MatMul(x, w)
    return y)");
  const Ran ran = run_pass("strip_unused_nodes", before);
  EXPECT_EQ(ran.after.model.meta.graph.size(), 3u);
  EXPECT_EQ(difference(before, ran.after), 0);
}

TEST(StripUnusedNodes, MakesAPlaceholderBesideANodeWithSeveralOutputs) {
  EXPECT_EQ(strip(R"(
    axis: int32 = Const(0)
    v: float[4] = Const(1, 2, 3, 4)
    s: float, t: float = Split(axis, v)
    y: float = Sub(t, s)
    input s:1
    return y)").text, canonical(R"(
    axis: int32 = Const(0)
    v: float[4] = Const(1, 2, 3, 4)
    s: float, t: float = Split(axis, v)
    s_1: float = Placeholder()
    y: float = Sub(s_1, s)
    input s:1=s_1
    return y)"));
}

TEST(StripUnusedNodes, RefusesInTheClassicWords) {
  struct Case { PassArgs args; const char* error; };
  const Case cases[] = {
      {{{"type", "int4x"}}, "invalid_argument: Couldn't understand type argument 'int4x'"},
      {{{"shape", ""}}, "invalid_argument: Specificed shape is empty."},
      {{{"shape", "1,a"}}, "invalid_argument: Could parse as shape: '1,a'"},
      {{{"shape", "1,"}}, "invalid_argument: Could parse as shape: '1,'"},
      {{{"type", "float"}, {"type", "int32"}}, "invalid_argument: You must pass no more than one default 'type' to strip_unused_nodes"},
      {{{"shape", "1"}, {"shape", "2"}}, "invalid_argument: You must pass no more than one default 'shape' to strip_unused_nodes"},
      {{{"name", "mul"}}, "invalid_argument: You must pass a 'type_for_name' arg for every 'name', e.g. "
                          "strip_unused_nodes(name=foo, type_for_name=float, name=bar, type_for_name=quint8"},
  };
  for (const Case& c : cases) EXPECT_EQ(strip(kText, c.args).error, c.error);
}

}  // namespace
}  // namespace whittle
