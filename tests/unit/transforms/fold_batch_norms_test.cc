#include <gtest/gtest.h>

#include "support/run_pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

void expect_near(const std::vector<float>& got, const std::vector<float>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t k = 0; k < got.size(); ++k) EXPECT_NEAR(got[k], want[k], 1e-5 * std::max(1.f, std::abs(want[k]))) << k;
}

struct TableRow {
  std::string_view maker, factor;
  std::vector<float> weights, output;
};

// The table of graph-transforms.md §6.5.
TEST(FoldBatchNorms, FoldsTheClassicTable) {
  const std::string_view conv_input = "x: float[1,1,6,2] = Const(1, 4, 2, 5, 3, 6, -1, -4, -2, -5, -3, -6)\n"
                                      "w: float[1,2,2,2] = Const(1, 2, 3, 4, 0.1, 0.2, 0.3, 0.4)\n";
  const std::string_view rows_input = "x: float[6,2] = Const(1, 4, 2, 5, 3, 6, -1, -4, -2, -5, -3, -6)\n"
                                      "w: float[2,2] = Const(1, 2, 0.3, 0.4)\n";
  const std::vector<TableRow> rows = {
      {"c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = \"VALID\"}\n", "m: float[2] = Const(2, 3)\n",
       {2, 6, 6, 12, .2f, .6f, .6f, 1.2f},
       {29.4f, 61.2f, 38.2f, 81, 39.4f, 84.6f, -29.4f, -61.2f, -38.2f, -81}},
      {"c: float = DepthwiseConv2dNative(x, w) {strides = [1, 1, 1, 1], padding = \"VALID\"}\n",
       "m: float[4] = Const(2, 3, 4, 5)\n",
       {2, 6, 12, 20, .2f, .6f, 1.2f, 2},
       {2.4f, 7.2f, 54, 90, 4.6f, 13.8f, 67.2f, 112, 5.8f, 17.4f, 67.2f, 112, -2.4f, -7.2f, -54, -90, -4.6f, -13.8f, -67.2f, -112}},
      {"c: float = MatMul(x, w)\n", "m: float[2] = Const(2, 3)\n", {2, 6, .6f, 1.2f},
       {4.4f, 10.8f, 7, 18, 9.6f, 25.2f, -4.4f, -10.8f, -7, -18, -9.6f, -25.2f}},
  };
  for (const TableRow& row : rows) {
    const bool product = row.maker.find("MatMul") != std::string_view::npos;
    const Ran ran = run_pass("fold_batch_norms", cat(product ? rows_input : conv_input, row.maker, row.factor,
                                                     "y: float = Mul(c, m)\nreturn y"));
    ASSERT_TRUE(ran.ok) << ran.error;
    EXPECT_NE(node_named(ran.after.model, "y").op, "Mul");
    EXPECT_EQ(ran.after.model.meta.graph.size(), 3u);
    expect_near(floats_of(ran.after, "w"), row.weights);
    const std::map<std::string, Tensor> out = evaluate(ran.after, {});
    ASSERT_EQ(out.count("y"), 1u);
    if (out.at("y").dtype() != DType::kFloat) continue;
    const auto values = out.at("y").values<float>();
    expect_near({values.begin(), values.end()}, row.output);
  }
}

std::string model(std::string_view constant, std::string_view step, std::string_view format = "NHWC") {
  return cat(R"(
    x: float[?,3,3,3] = Placeholder()
    w: float[1,1,3,3] = File(seed=5)
    b: float[3] = Const(1, 2, 3)
    c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "SAME", data_format = ")", format, R"("}
    d: float = BiasAdd(c, b) {data_format = ")", format, "\"}\n m: float", constant, "\n y: float = ", step, "\n return y");
}

TEST(FoldBatchNorms, TakesEveryShapeOfAFactorPerChannel) {
  for (std::string_view constant : {"[3] = Const(2, 4, 8)", "[] = Const(2)", "[1] = Const(2)", "[1,1,1,3] = Const(2, 4, 8)",
                                    "[1,1] = Const(2)", "[1,3] = File(2, 4, 8)"}) {
    for (std::string_view step : {"Mul(d, m)", "Mul(m, d)", "RealDiv(d, m)"}) {
      const TextModel before = parse_model(model(constant, step));
      const Ran ran = run_pass("fold_batch_norms", before);
      ASSERT_TRUE(ran.ok) << ran.error;
      EXPECT_EQ(node_named(ran.after.model, "y").op, "BiasAdd") << constant << step;
      EXPECT_EQ(ran.after.model.meta.graph.size(), 5u) << constant << step;
      EXPECT_NEAR(difference(before, ran.after), 0, 1e-6);
    }
  }
}

TEST(FoldBatchNorms, TakesChannelsFirst) {
  for (std::string_view constant : {"[3,1,1] = Const(2, 4, 8)", "[1,3,1,1] = Const(2, 4, 8)", "[] = Const(2)"}) {
    const Ran ran = run_pass("fold_batch_norms", model(constant, "Mul(d, m)", "NCHW"));
    EXPECT_EQ(node_named(ran.after.model, "y").op, "BiasAdd") << constant;
  }
}

TEST(FoldBatchNorms, DeclinesFactorsThatAreNotPerChannel) {
  const std::string cases[] = {
      model("[3,1] = Const(2, 4, 8)", "Mul(d, m)"),
      model("[3,1,1] = Const(2, 4, 8)", "Mul(d, m)"),
      model("[1,1,1,1,3] = Const(2, 4, 8)", "Mul(d, m)"),
      model("[3] = Const(2, 4, 8)", "Mul(d, m)", "NCHW"),
      model("[3] = Const(0, 4, 8)", "RealDiv(d, m)"),
      model("[3] = Const(2, 4, 8)", "RealDiv(m, d)"),
      model("[3] = Placeholder()", "Mul(d, m)"),
      model("[] = Const(2)", "Mul(d, d)"),
  };
  for (const std::string& text : cases) EXPECT_EQ(run_pass("fold_batch_norms", text).text, canonical(text));
}

TEST(FoldBatchNorms, FoldsTheDecomposedFormInAnyOrder) {
  for (std::string_view steps : {
           "a: float = Sub(c, m)\n e: float = Mul(a, s)\n y: float = Add(e, t)",
           "e: float = Mul(s, c)\n y: float = AddV2(t, e)",
           "a: float = Add(c, m)\n e: float = RealDiv(a, s)\n f: float = Mul(e, m)\n y: float = Sub(f, t)",
           "d: float = BiasAdd(c, m)\n e: float = Mul(d, s)\n f: float = Add(e, t)\n g: float = Identity(f)\n y: float = Mul(g, s)",
           "a: float = Sub(m, c)\n e: float = Mul(a, s)\n y: float = Sub(e, t)",
       }) {
    const TextModel before = parse_model(cat(R"(
      x: float[?,2,2,2] = Placeholder()
      w: float[1,2,2,3] = File(seed=6)
      c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "SAME"}
      m: float[3] = Const(0.5, -0.25, 0.125)
      s: float[3] = Const(2, 3, -1)
      t: float[3] = File(0.1, 0.2, 0.3)
      )", steps, "\n return y"));
    const Ran ran = run_pass("fold_batch_norms", before);
    ASSERT_TRUE(ran.ok) << ran.error;
    size_t arithmetic = 0;
    for (NodeId id : ran.after.model.meta.graph.ids()) {
      const std::string& op = ran.after.model.meta.graph.node(id).op;
      arithmetic += op != "Const" && op != "Placeholder" && op != "Identity" && op != "Conv2D" ? 1 : 0;
    }
    EXPECT_EQ(arithmetic, 1u) << steps;
    EXPECT_NEAR(difference(before, ran.after), 0, 1e-6) << steps;
  }
}

TEST(FoldBatchNorms, KnowsWhereMatricesHaveTheirChannels) {
  for (std::string_view maker : {
           "MatMul(x, w)", "MatMul(x, w) {transpose_b = true}", "BatchMatMulV2(x, w)", "BatchMatMulV2(x, w) {adj_y = true}"}) {
    const TextModel before = parse_model(cat("x: float[4,3] = Placeholder()\n w: float[3,3] = Const(seed=7)\n c: float = ",
                                             maker, "\n m: float[3] = Const(2, 3, 4)\n y: float = Mul(c, m)\n return y"));
    const Ran ran = run_pass("fold_batch_norms", before);
    ASSERT_TRUE(ran.ok) << ran.error;
    EXPECT_EQ(ran.after.model.meta.graph.size(), 3u) << maker;
    EXPECT_NEAR(difference(before, ran.after), 0, 1e-6) << maker;
  }
}

TEST(FoldBatchNorms, WorksInFunctionBodies) {
  const Ran ran = run_pass("fold_batch_norms", R"(
    x: float[?,2] = Placeholder()
    y: float = PartitionedCall(x) {f = @scaled}
    return y
    function scaled(v: float) -> (r: float) {
      w: float[2,2] = Const(1, 2, 3, 4)
      m: float[2] = Const(10, 100)
      p: float = MatMul(v, w)
      q: float = Mul(p, m)
      return q
    })");
  EXPECT_EQ(ran.text, canonical(R"(
    x: float[?,2] = Placeholder()
    y: float = PartitionedCall(x) {f = @scaled}
    return y
    function scaled(v: float) -> (r: float) {
      w: float[2,2] = Const(10, 200, 30, 400)
      q: float = MatMul(v, w)
      return q
    })"));
}

TEST(FoldBatchNorms, KeepsASharedWeightOfSomeSize) {
  const std::string text = R"(
    x: float[?,64] = Placeholder()
    w: float[64,64] = File(seed=8)
    m: float[64] = Const(seed=9)
    p: float = MatMul(x, w)
    q: float = Mul(p, m)
    r: float = MatMul(q, w)
    return r)";
  EXPECT_EQ(run_pass("fold_batch_norms", text).text, canonical(text));
}

TEST(FoldBatchNorms, SharedConvolutionsStay) {
  const std::string text = R"(
    x: float[?,2] = Placeholder()
    w: float[2,2] = Const(1, 2, 3, 4)
    m: float[2] = Const(2, 3)
    p: float = MatMul(x, w)
    y: float = Mul(p, m)
    z: float = Mul(p, m)
    return y, z)";
  EXPECT_EQ(run_pass("fold_batch_norms", text).text, canonical(text));
}

TEST(FoldBatchNorms, IsStableWhenRunTwice) {
  const Ran once = run_pass("fold_batch_norms", model("[3] = Const(2, 4, 8)", "Mul(d, m)"));
  EXPECT_EQ(run_pass("fold_batch_norms", once.after).text, once.text);
}

}  // namespace
}  // namespace whittle
