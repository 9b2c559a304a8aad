// Two models on the same inputs: what the verifier says of them.
#include <gtest/gtest.h>

#include "support/graph_text.h"
#include "verify/samples_fixture.h"
#include "whittle/verify.h"

namespace whittle {
namespace {

// Signatures of text models leave shapes out; those of files have them.
void add_shapes(MetaGraph& meta) {
  for (Signature& s : meta.signatures) {
    for (auto& [key, info] : s.inputs) {
      const AttrValue* shape = meta.graph.node(info.tensors[0].node).attrs.find("shape");
      if (shape == nullptr) continue;
      info.shape = shape->shape();
      info.has_shape = true;
    }
  }
}

// `frozen` is the original itself.
Verification verify(TextModel a, TextModel b, VerifyOptions options = {}) {
  add_shapes(a.model.meta);
  add_shapes(b.model.meta);
  Verifier verifier({&a.model.meta, false}, {&b.model.meta, false}, &a.model.meta, std::move(options));
  for (int k = 0; k < 100'000; ++k) {
    const Result<bool> done = a.files->run([&](Context& ctx) { return verifier.step(ctx); });
    if (!done.ok()) {
      ADD_FAILURE() << done.error().to_string();
      break;
    }
    EXPECT_LE(verifier.progress(), 1);
    if (*done) return verifier.take();
  }
  ADD_FAILURE() << "the verifier does not come to an end";
  return {};
}
Verification verify(std::string_view a, std::string_view b, VerifyOptions options = {}) {
  return verify(parse_model(a), parse_model(b), std::move(options));
}

VerifyOptions bound_db(double db) {
  VerifyOptions o;
  o.bound.min_sqnr_db = db;
  return o;
}

// Two layers; `second` is a value of the second one's weights.
std::string layers(std::string_view second) {
  return cat(R"(
    x: float[?,3] = Placeholder()
    w1: float[3,3] = Const(seed=1)
    m1: float = MatMul(x, w1)
    r1: float = Sigmoid(m1)
    w2: float[3,2] = Const(0.1, 0.2, 0.3, 0.4, 0.5, )", second, R"()
    m2: float = MatMul(r1, w2)
    r2: float = Tanh(m2)
    y: float = Softplus(r2)
    return y)");
}

TEST(Verifier, EqualModelsAreTheSame) {
  const Verification v = verify(layers("0.6"), layers("0.6"), bound_db(60));
  EXPECT_EQ(v.state, VerifyState::kSame) << v.why;
  ASSERT_EQ(v.signatures.size(), 1u);
  const SignatureComparison& s = v.signatures[0];
  EXPECT_EQ(s.key, "serving_default");
  EXPECT_EQ(s.source, "noise");
  EXPECT_EQ(s.probes, kMostProbes);
  ASSERT_EQ(s.outputs.size(), 1u);
  EXPECT_TRUE(s.outputs[0].equal);
  EXPECT_FALSE(s.first_difference);
}

TEST(Verifier, AChangedWeightIsCloseOrMissedByTheBound) {
  EXPECT_EQ(verify(layers("0.6"), layers("0.606"), bound_db(20)).state, VerifyState::kClose);
  EXPECT_EQ(verify(layers("0.6"), layers("0.606")).state, VerifyState::kClose) << "no bound";
  const Verification v = verify(layers("0.6"), layers("0.606"), bound_db(100));
  EXPECT_EQ(v.state, VerifyState::kMissed);
  EXPECT_NE(v.why.find(" dB, the bound is 100.0"), std::string::npos) << v.why;
  const Error error = missed_error(v);
  EXPECT_EQ(error.code, Code::kBoundMissed);
  VerifyOptions exact;
  exact.bound.max_relative_error = 0;
  EXPECT_NE(verify(layers("0.6"), layers("0.606"), exact).why.find("this recipe keeps outputs equal"), std::string::npos);
}

TEST(Verifier, NamesTheFirstNodeThatDiffers) {
  const Verification v = verify(layers("0.6"), layers("0.66"), bound_db(60));
  ASSERT_TRUE(v.signatures[0].first_difference);
  EXPECT_EQ(v.signatures[0].first_difference->node, "r2");
  EXPECT_EQ(v.signatures[0].first_difference->op, "Tanh");
  EXPECT_EQ(missed_error(v).where.front(), "node r2");
}

// A chain of `n` layers of which number `changed` multiplies by something else.
std::string chain(int n, int changed) {
  std::string text = "x: float[?,3] = Placeholder()\n one: float = Const(1)\n other: float = Const(1.5)\n";
  for (int k = 0; k < n; ++k) {
    text += cat("m", k, ": float = Mul(", k == 0 ? std::string("x") : cat("t", k - 1), ", ", k == changed ? "other" : "one", ")\n");
    text += cat("t", k, ": float = Tanh(m", k, ")\n");
  }
  return cat(text, "return t", n - 1);
}

TEST(Verifier, FindsTheFirstDifferenceInALongChain) {
  for (int changed : {0, 1, 37, 98, 99}) {
    const Verification v = verify(chain(100, -1), chain(100, changed), bound_db(90));
    ASSERT_EQ(v.state, VerifyState::kMissed) << changed;
    ASSERT_TRUE(v.signatures[0].first_difference) << changed;
    EXPECT_EQ(v.signatures[0].first_difference->node, cat("t", changed));
  }
}

TEST(Verifier, AnOpWithoutAKernelIsNamed) {
  const std::string_view model = R"(
    x: string = Placeholder() {shape = shape[]}
    d: uint8 = DecodeJpeg(x)
    return d)";
  const Verification v = verify(model, model);
  EXPECT_EQ(v.state, VerifyState::kNotRunnable);
  EXPECT_NE(v.why.find("DecodeJpeg"), std::string::npos) << v.why;
  EXPECT_NE(v.why.find("node d"), std::string::npos) << v.why;
  EXPECT_EQ(v.signatures[0].probes, 0u);
}

TEST(Verifier, RandomOpsAreNotRunnable) {
  const std::string_view model = R"(
    x: float[?,3] = Placeholder()
    shape: int32[2] = Const(1, 3)
    n: float = RandomUniform(shape) {dtype = float}
    y: float = Add(x, n)
    return y)";
  const Verification v = verify(model, model);
  EXPECT_EQ(v.state, VerifyState::kNotRunnable);
  EXPECT_NE(v.why.find("random"), std::string::npos) << v.why;
}

Signature signature_named(const TextModel& m, const std::string& key, const std::string& in, const std::string& out) {
  const Graph& g = m.model.meta.graph;
  Signature s = m.model.meta.signatures[0];
  const TensorInfo x = s.inputs.begin()->second;
  s.key = key;
  s.inputs = {{in, x}};
  s.inputs[in].tensors = {{g.find(in), 0}};
  s.outputs = {{out, s.outputs.begin()->second}};
  s.outputs[out].tensors = {{g.find(out), 0}};
  return s;
}

TextModel two_signatures(std::string_view text) {
  TextModel m = parse_model(text);
  m.model.meta.signatures = {signature_named(m, "a", "x", "y"), signature_named(m, "b", "x", "z")};
  return m;
}

TEST(Verifier, ARandomSignatureSaysNothingOfTheNext) {
  const std::string_view text = R"(
    x: float[?,3] = Placeholder()
    shape: int32[2] = Const(1, 3)
    n: float = RandomUniform(shape) {dtype = float}
    y: float = Add(x, n)
    z: float = Neg(x)
    return y, z)";
  const Verification v = verify(two_signatures(text), two_signatures(text));
  ASSERT_EQ(v.signatures.size(), 2u);
  EXPECT_EQ(v.signatures[0].state, VerifyState::kNotRunnable);
  EXPECT_EQ(v.signatures[1].state, VerifyState::kSame) << v.signatures[1].why;
  EXPECT_EQ(v.state, VerifyState::kSame) << "what ran decides";
}

TEST(Verifier, SignaturesThatWereNotKeptAreLeftOut) {
  const std::string_view text = "x: float[?,3] = Placeholder()\n y: float = Relu(x)\n z: float = Neg(x)\n return y, z";
  TextModel b = two_signatures(text);
  b.model.meta.signatures.erase(b.model.meta.signatures.begin());
  const Verification v = verify(two_signatures(text), std::move(b));
  ASSERT_EQ(v.signatures.size(), 1u);
  EXPECT_EQ(v.signatures[0].key, "b");
  b = two_signatures(text);
  b.model.meta.signatures.erase(b.model.meta.signatures.begin());
  b.model.meta.signatures[0].key = "c";
  EXPECT_EQ(verify(two_signatures(text), std::move(b)).why, "the models have no signature in common");
}

TEST(Verifier, OutputsOfOtherKeysAreAMiss) {
  const std::string_view text = "x: float[?,3] = Placeholder()\n y: float = Relu(x)\n return y, other=y", renamed = "x: float[?,3] = Placeholder()\n y: float = Relu(x)\n return y, more=y";
  const Verification v = verify(text, renamed);
  EXPECT_EQ(v.state, VerifyState::kMissed);
  EXPECT_EQ(v.why, "the outputs of the signature are not the same");
}

TEST(Verifier, AnotherShapeIsAMiss) {
  const Verification v = verify("x: float[?,3] = Placeholder()\n y: float = Relu(x)\n return y",
                                "x: float[?,3] = Placeholder()\n d: int32 = Const(0)\n y: float = ExpandDims(x, d)\n return y");
  EXPECT_EQ(v.state, VerifyState::kMissed);
  EXPECT_EQ(v.why, "output y differs from the original's: float32[1,3] became float32[1,1,3]");
}

TEST(Verifier, AResultWithoutSignaturesIsMatchedByNames) {
  TextModel b = parse_model(layers("0.6"));
  b.model.meta.signatures.clear();
  EXPECT_EQ(verify(parse_model(layers("0.6")), std::move(b)).state, VerifyState::kSame);
  b = parse_model("x: float[?,3] = Placeholder()\n other: float = Relu(x)\n return other");
  b.model.meta.signatures.clear();
  const Verification v = verify(parse_model(layers("0.6")), std::move(b));
  EXPECT_EQ(v.state, VerifyState::kNotRunnable);
  EXPECT_EQ(v.why, "the second model has no node y");
}

constexpr std::string_view kLookUp = R"(
    ids: int32[?,4] = Placeholder()
    table: float[50,2] = Const(seed=3)
    axis: int32 = Const(0)
    y: float = GatherV2(table, ids, axis)
    return y)";

TEST(Verifier, TriesSmallerIdsUntilTheyAreInRange) {
  const Verification v = verify(kLookUp, kLookUp);
  EXPECT_EQ(v.state, VerifyState::kSame) << v.why;
  EXPECT_EQ(v.signatures[0].probes, kMostProbes);
}

TEST(Verifier, SamplesOfAnyOrOfOneSignatureAreUsed) {
  const auto probe = [](std::vector<int32_t> v) {
    return std::map<std::string, Tensor>{{"ids", Tensor::of<int32_t>(DType::kInt32, Shape{1, 4}, v).value()}};
  };
  VerifyOptions o;
  o.samples[""] = {"samples", {probe({1, 2, 3, 4}), probe({49, 0, 0, 0})}};
  Verification v = verify(kLookUp, kLookUp, o);
  EXPECT_EQ(v.state, VerifyState::kSame);
  EXPECT_EQ(v.signatures[0].source, "samples");
  EXPECT_EQ(v.signatures[0].probes, 2u);
  o.probes = 1;
  EXPECT_EQ(verify(kLookUp, kLookUp, o).signatures[0].probes, 1u);
  o.samples["serving_default"] = {"warm-up requests", {probe({99, 2, 3, 4})}};
  v = verify(kLookUp, kLookUp, o);
  EXPECT_EQ(v.state, VerifyState::kNotRunnable) << "samples are not guessed anew";
  EXPECT_EQ(v.signatures[0].source, "warm-up requests");
  o.samples["serving_default"].probes = {{{"other", Tensor::make(DType::kInt32, Shape{1}).value()}}};
  EXPECT_NE(verify(kLookUp, kLookUp, o).why.find("the samples have no input ids"), std::string::npos);
  o.samples["serving_default"].probes.clear();
  EXPECT_EQ(verify(kLookUp, kLookUp, o).signatures[0].source, "noise");
}

TEST(Verifier, ALaterProbeThatFailsIsLeftOut) {
  VerifyOptions o;
  const auto probe = [](std::vector<int32_t> v) {
    return std::map<std::string, Tensor>{{"ids", Tensor::of<int32_t>(DType::kInt32, Shape{1, 4}, v).value()}};
  };
  o.samples[""] = {"samples", {probe({1, 2, 3, 4}), probe({99, 0, 0, 0})}};
  const Verification v = verify(kLookUp, kLookUp, o);
  EXPECT_EQ(v.state, VerifyState::kSame) << v.why;
  EXPECT_EQ(v.signatures[0].probes, 1u);
}

TEST(Verifier, WhatIsTooDearIsSkippedUnlessAskedFor) {
  const std::string_view model = R"(
    x: float[1,256,256] = Placeholder()
    y: float = BatchMatMulV2(x, x)
    return y)";
  VerifyOptions o;
  o.budget = 1'000'000;
  Verification v = verify(model, model, o);
  EXPECT_EQ(v.state, VerifyState::kSkipped);
  EXPECT_NE(v.why.find("--verify 1"), std::string::npos) << v.why;
  o.probes = 1;
  v = verify(model, model, o);
  EXPECT_EQ(v.state, VerifyState::kSame) << v.why;
  EXPECT_EQ(v.signatures[0].probes, 1u);
  o.probes.reset();
  o.budget = 100'000'000;
  const uint64_t some = verify(model, model, o).signatures[0].probes;
  EXPECT_GE(some, 1u);
  EXPECT_LT(some, kMostProbes) << "as many as fit";
}

TEST(Verifier, AResultThatFailsIsAMiss) {
  const std::string changed = "ids: int32[?,4] = Placeholder()\n table: float[5,2] = Const(seed=3)\n axis: int32 = Const(0)\n y: float = GatherV2(table, ids, axis)\n return y";
  const Verification v = verify(kLookUp, changed);
  EXPECT_EQ(v.state, VerifyState::kMissed);
  EXPECT_NE(v.why.find("the result fails where the original runs"), std::string::npos) << v.why;
}

TEST(Verifier, IntegersAreJudgedByAgreement) {
  const std::string_view a = "x: float[4,5] = Placeholder()\n d: int32 = Const(1)\n y: int64 = ArgMax(x, d)\n return y";
  const std::string_view b = "x: float[4,5] = Placeholder()\n d: int32 = Const(1)\n n: float = Neg(x)\n y: int64 = ArgMax(n, d)\n return y";
  EXPECT_EQ(verify(a, a).state, VerifyState::kSame);
  EXPECT_EQ(verify(a, b).state, VerifyState::kClose);
  VerifyOptions o;
  o.bound.min_agreement = 0.9;
  const Verification v = verify(a, b, o);
  EXPECT_EQ(v.state, VerifyState::kMissed);
  EXPECT_NE(v.why.find("% agree, the bound is 90.0"), std::string::npos) << v.why;
}

}  // namespace
}  // namespace whittle
