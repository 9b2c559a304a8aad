#include <gtest/gtest.h>

#include "support/run_pass.h"
#include "whittle/text.h"

namespace whittle {
namespace {

// The graphs and numbers of graph-transforms.md §6.7.
std::string table_model(std::string_view conv, std::string_view norm) {
  const bool depthwise = conv == "DepthwiseConv2dNative";
  const std::string_view n = depthwise ? "4" : "2";
  return cat(R"(
    input_op: float[1,1,6,2] = Const(1, 4, 2, 5, 3, 6, -1, -4, -2, -5, -3, -6)
    weights_op: float[1,2,2,2] = File(1, 2, 3, 4, 0.1, 0.2, 0.3, 0.4)
    conv_op: float = )", conv, R"((input_op, weights_op) {strides = [1, 1, 1, 1], padding = "VALID"}
    mean: float[)", n, depthwise ? "] = Const(10, 20, 30, 40)" : "] = Const(10, 20)", "\n variance: float[", n,
             depthwise ? "] = Const(0.25, 0.5, 0.75, 1)" : "] = File(0.25, 0.5)", "\n beta: float[", n,
             depthwise ? "] = Const(0.1, 0.6, 1.1, 1.6)" : "] = Const(0.1, 0.6)", "\n gamma: float[", n,
             depthwise ? "] = Const(1, 2, 3, 4)\n" : "] = Const(1, 2)\n", norm, "\n return output");
}

constexpr std::string_view kGlobal =
    "output: float = BatchNormWithGlobalNormalization(conv_op, mean, variance, beta, gamma) "
    "{variance_epsilon = 0.00001, scale_after_normalization = false}";
constexpr std::string_view kFused =
    "output: float, bm: float, bv: float, r1: float, r2: float = FusedBatchNorm(conv_op, gamma, beta, mean, variance) "
    "{epsilon = 0.00001, is_training = false}";

void expect_near(const std::vector<float>& got, const std::vector<float>& want, double tolerance) {
  ASSERT_EQ(got.size(), want.size());
  for (size_t k = 0; k < got.size(); ++k) EXPECT_NEAR(got[k], want[k], tolerance * std::max(1.f, std::abs(want[k]))) << k;
}

struct TableRow {
  std::string_view conv, norm;
  std::vector<float> offset, weights;
};

TEST(FoldOldBatchNorms, FoldsTheClassicTable) {
  const std::vector<TableRow> rows = {
      {"Conv2D", kGlobal, {-19.8995991f, -27.6839867f},
       {1.99995995f, 2.8283987f, 5.99987984f, 5.65679741f, .199995995f, .282839864f, .599987984f, .565679729f}},
      {"Conv2D", kFused, {-19.8995991f, -55.9679756f},
       {1.99995995f, 5.65679741f, 5.99987984f, 11.3135948f, .199995995f, .565679729f, .599987984f, 1.13135946f}},
      {"DepthwiseConv2dNative", kGlobal, {-19.8995991f, -27.6839867f, -33.5407867f, -38.3998032f},
       {1.99995995f, 2.8283987f, 3.46407866f, 3.99997997f, .199995995f, .282839864f, .34640789f, .399998009f}},
      {"DepthwiseConv2dNative", kFused, {-19.8995991f, -55.9679756f, -102.822365f, -158.3992f},
       {1.99995995f, 5.65679741f, 10.3922358f, 15.9999199f, .199995995f, .565679729f, 1.03922367f, 1.59999204f}},
  };
  for (const TableRow& row : rows) {
    const Ran ran = run_pass("fold_old_batch_norms", table_model(row.conv, row.norm));
    ASSERT_TRUE(ran.ok) << ran.error;
    EXPECT_EQ(node_named(ran.after.model, "output").op, "BiasAdd");
    expect_near(floats_of(ran.after, "conv_op_bn_offset"), row.offset, 1e-6);
    expect_near(floats_of(ran.after, "weights_op"), row.weights, 1e-6);
    EXPECT_EQ(ran.after.model.meta.graph.size(), 5u);
  }
}

TEST(FoldOldBatchNorms, ReadsNoByteOfAWeight) {
  const Ran ran = run_pass("fold_old_batch_norms", R"(
    x: float[?,8,8,64] = Placeholder()
    w: float[3,3,64,64] = File(seed=1)
    c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "SAME"}
    p: float[64] = File(seed=2)
    v: float[64] = Const(1)
    y: float, a: float, b: float, d: float, e: float, f: float = FusedBatchNormV3(c, p, p, p, v) {is_training = false}
    return y)");
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(node_named(ran.after.model, "y").op, "BiasAdd");
  EXPECT_EQ(node_named(ran.after.model, "w").attrs.find("value")->tensor().kind(), TensorRef::Kind::kFile);
  // The parameter of 256 bytes, and not the weight of 147456 (printing reads it afterwards).
  EXPECT_EQ(ran.bytes_read, 256u);
}

TEST(FoldOldBatchNorms, PutsTheOffsetIntoABiasThatIsThere) {
  const Ran ran = run_pass("fold_old_batch_norms", R"(
    x: float[?,4,4,1] = Placeholder()
    w: float[1,1,1,2] = Const(1, 2)
    b: float[2] = Const(10, 20)
    c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "SAME"}
    d: float = BiasAdd(c, b)
    one: float[2] = Const(1)
    gamma: float[2] = Const(2, 4)
    beta: float[2] = Const(0.5, 0.25)
    zero: float[2] = Const(0)
    y: float, y1: float, y2: float, y3: float, y4: float = FusedBatchNorm(d, gamma, beta, one, one)
      {is_training = false, epsilon = 0.0}
    r: float = Relu(y)
    return r)");
  EXPECT_EQ(ran.text, canonical(R"(
    x: float[?,4,4,1] = Placeholder()
    w: float[1,1,1,2] = Const(2, 8)
    b: float[2] = Const(18.5, 76.25)
    c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "SAME"}
    y: float = BiasAdd(c, b)
    zero: float[2] = Const(0)
    r: float = Relu(y)
    return r)")) << ran.error;
}

TEST(FoldOldBatchNorms, SeesThroughSqueezeReshapeAndIdentity) {
  const Ran ran = run_pass("fold_old_batch_norms", R"(
    x: float[?,1,8,2] = Placeholder()
    w: float[1,3,2,2] = Const(seed=3)
    read: float = Identity(w)
    c: float = Conv2D(x, read) {strides = [1, 1, 1, 1], padding = "SAME"}
    s: float = Squeeze(c) {squeeze_dims = [-3]}
    b: float[2] = Const(1, 2)
    a: float = BiasAdd(s, b)
    shape: int32[4] = Const(-1, 4, 2, 2)
    q: float = Reshape(a, shape)
    p: float[2] = Const(2, 3)
    y: float, y1: float, y2: float, y3: float, y4: float = FusedBatchNorm(q, p, p, p, p) {is_training = false}
    return y)");
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(node_named(ran.after.model, "y").op, "Reshape");
  EXPECT_EQ(node_named(ran.after.model, "a").op, "BiasAdd");
}

TEST(FoldOldBatchNorms, FoldsThroughBatchToSpaceAndConcat) {
  const Ran ran = run_pass("fold_old_batch_norms", R"(
    x: float[?,4,4,2] = Placeholder()
    u: float[1,1,2,1] = Const(1, 2)
    v: float[1,1,2,2] = Const(3, 4, 5, 6)
    c: float = Conv2D(x, u) {strides = [1, 1, 1, 1], padding = "VALID"}
    d: float = Conv2D(x, v) {strides = [1, 1, 1, 1], padding = "VALID"}
    axis: int32 = Const(-1)
    k: float = ConcatV2(c, d, axis)
    gamma: float[3] = Const(10, 100, 1000)
    zero: float[3] = Const(0)
    one: float[3] = Const(1)
    y: float, y1: float, y2: float, y3: float, y4: float = FusedBatchNorm(k, gamma, one, zero, one)
      {is_training = false, epsilon = 0.0}
    return y)");
  ASSERT_TRUE(ran.ok) << ran.error;
  EXPECT_EQ(floats_of(ran.after, "u"), (std::vector<float>{10, 20}));
  EXPECT_EQ(floats_of(ran.after, "v"), (std::vector<float>{300, 4000, 500, 6000}));
  EXPECT_EQ(floats_of(ran.after, "k_bn_offset"), (std::vector<float>{1, 1, 1}));
}

TEST(FoldOldBatchNorms, KeepsDataFormatsApart) {
  const Ran ran = run_pass("fold_old_batch_norms", R"(
    x: float[?,2,4,4] = Placeholder()
    w: float[1,1,2,3] = Const(1, 2, 3, 4, 5, 6)
    c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "VALID", data_format = "NCHW"}
    p: float[3] = Const(2)
    y: float, y1: float, y2: float, y3: float, y4: float = FusedBatchNorm(c, p, p, p, p)
      {is_training = false, data_format = "NCHW"}
    z: float, z1: float, z2: float, z3: float, z4: float = FusedBatchNorm(c, p, p, p, p) {is_training = false}
    return y)");
  ASSERT_TRUE(ran.ok) << ran.error;
  // c has two users; nothing may be folded.
  EXPECT_EQ(node_named(ran.after.model, "y").op, "FusedBatchNorm");
  const Ran alone = run_pass("fold_old_batch_norms", R"(
    x: float[?,2,4,4] = Placeholder()
    w: float[1,1,2,3] = Const(1, 2, 3, 4, 5, 6)
    c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "VALID", data_format = "NCHW"}
    p: float[3] = Const(2)
    y: float, y1: float, y2: float, y3: float, y4: float = FusedBatchNorm(c, p, p, p, p)
      {is_training = false, data_format = "NCHW"}
    return y)");
  EXPECT_EQ(node_named(alone.after.model, "y").op, "BiasAdd");
  EXPECT_EQ(node_named(alone.after.model, "y").attrs.string_or("data_format", ""), "NCHW");
}

TEST(FoldOldBatchNorms, FoldsMatMulAndTransposedConvolution) {
  const Ran ran = run_pass("fold_old_batch_norms", R"(
    x: float[?,1,1,3] = Placeholder()
    sizes: int32[4] = Const(2, 1, 1, 2)
    w: float[1,1,2,3] = Const(1, 2, 3, 4, 5, 6)
    c: float = Conv2DBackpropInput(sizes, w, x) {strides = [1, 1, 1, 1], padding = "VALID"}
    gamma: float[2] = Const(10, 100)
    zero: float[2] = Const(0)
    one: float[2] = Const(1)
    y: float, y1: float, y2: float, y3: float, y4: float = FusedBatchNorm(c, gamma, zero, zero, one)
      {is_training = false, epsilon = 0.0}
    return y)");
  EXPECT_EQ(floats_of(ran.after, "w"), (std::vector<float>{10, 20, 30, 400, 500, 600})) << ran.error;
}

std::string forward_model(std::string_view conv, std::string_view after) {
  return cat(R"(
    x: float[2,3,3,2] = Placeholder()
    p: float[2] = Const(0.5, 2)
    q: float[2] = File(0.25, -1)
    n: float, n1: float, n2: float, n3: float, n4: float = FusedBatchNorm(x, q, p, q, p) {is_training = false}
    w: float[2,2,2,)", conv.substr(0, 5) == "Depth" ? "2" : "3", R"(] = File(seed=4)
    b: float[)", conv.substr(0, 5) == "Depth" ? "4" : "3", "] = Const(seed=5)\n c: float = ", conv, "\n ", after);
}

TEST(FoldOldBatchNorms, FoldsForwardIntoAConvolutionWithoutPadding) {
  for (std::string_view conv : {"Conv2D(n, w) {strides = [1, 1, 1, 1], padding = \"VALID\"}",
                                "DepthwiseConv2dNative(n, w) {strides = [1, 1, 1, 1], padding = \"VALID\"}"}) {
    for (std::string_view after : {"y: float = BiasAdd(c, b)\n return y", "return c", "y: float = Relu(c)\n return y, c"}) {
      const TextModel before = parse_model(forward_model(conv, after));
      const Ran ran = run_pass("fold_old_batch_norms", before);
      ASSERT_TRUE(ran.ok) << ran.error;
      EXPECT_EQ(ran.text.find("BatchNorm"), std::string::npos) << ran.text;
      EXPECT_NEAR(difference(before, ran.after), 0, 1e-6) << ran.text;
      EXPECT_EQ(run_pass("fold_old_batch_norms", ran.after).text, ran.text);
    }
  }
}

TEST(FoldOldBatchNorms, DoesNotFoldForwardIntoPaddingOrSeveralUsers) {
  for (const std::string& text : {
           forward_model("Conv2D(n, w) {strides = [1, 1, 1, 1], padding = \"SAME\"}", "y: float = BiasAdd(c, b)\n return y"),
           forward_model("Conv2D(n, w) {strides = [1, 1, 1, 1], padding = \"VALID\"}", "y: float = BiasAdd(c, b)\n return y, n"),
           forward_model("Conv2D(n, w) {strides = [1, 1, 1, 1], padding = \"VALID\"}", "y: float = Relu(n)\n return y, c"),
           forward_model("Conv2D(n, w) {strides = [1, 1, 1, 1], padding = \"VALID\"}", "y: float = Relu(w)\n return y, c"),
       }) {
    EXPECT_EQ(run_pass("fold_old_batch_norms", text).text, canonical(text));
  }
}

struct Refusal { const char* why; std::string_view change_from, change_to; };

TEST(FoldOldBatchNorms, Declines) {
  const std::string plain = R"(
    x: float[?,4,4,1] = Placeholder()
    w: float[9,9,1,2] = Const(seed=1)
    c: float = Conv2D(x, w) {strides = [1, 1, 1, 1], padding = "SAME"}
    p: float[2] = Const(1, 2)
    y: float, y1: float, y2: float, y3: float, y4: float = FusedBatchNorm(c, p, p, p, p) {is_training = false}
    r: float = Relu(y)
    return r)";
  EXPECT_NE(run_pass("fold_old_batch_norms", plain).text, canonical(plain));
  const Refusal refusals[] = {
      {"training mode", "is_training = false", "is_training = true"},
      {"training mode by default", "{is_training = false}", ""},
      {"another output is used", "Relu(y)", "Add(y, y1)"},
      {"the convolution has another user", "r: float = Relu(y)", "r: float = Add(y, c)"},
      {"the convolution is an endpoint", "return r", "return r, c"},
      {"the weight is shared", "return r", "z: float = Relu(w)\n return r, z"},
      {"the weight is fed", "w: float[9,9,1,2] = Const(seed=1)", "w: float[9,9,1,2] = Placeholder()"},
      {"a parameter is fed", "p: float[2] = Const(1, 2)", "p: float[2] = Placeholder()"},
      {"the variance gives no number", "p: float[2] = Const(1, 2)", "p: float[2] = Const(-1, 2)"},
  };
  for (const Refusal& r : refusals) {
    std::string text = plain;
    const size_t at = text.find(r.change_from);
    ASSERT_NE(at, std::string::npos) << r.why;
    text.replace(at, r.change_from.size(), r.change_to);
    EXPECT_EQ(run_pass("fold_old_batch_norms", text).text, canonical(text)) << r.why;
  }
}

TEST(FoldOldBatchNorms, IsStableWhenRunTwice) {
  const Ran once = run_pass("fold_old_batch_norms", table_model("Conv2D", kFused));
  const Ran twice = run_pass("fold_old_batch_norms", once.after);
  EXPECT_EQ(once.text, twice.text);
}

}  // namespace
}  // namespace whittle
