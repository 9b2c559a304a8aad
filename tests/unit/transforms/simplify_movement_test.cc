#include <gtest/gtest.h>

#include "support/run_pass.h"

namespace whittle {
namespace {

struct Case { std::string_view before, after; };

void expect_rewrites(std::initializer_list<Case> cases, const PassArgs& args = {}, bool evaluated = true) {
  for (const Case& c : cases) {
    const TextModel before = parse_model(c.before);
    const Ran ran = run_pass("simplify_movement", before, args);
    ASSERT_TRUE(ran.ok) << ran.error << c.before;
    EXPECT_EQ(ran.text, canonical(c.after)) << c.before;
    EXPECT_EQ(run_pass("simplify_movement", ran.after, args).text, ran.text) << c.before;
    EXPECT_EQ(evaluated ? difference(before, ran.after) : 0, 0) << c.before;
  }
}

void expect_declines(std::initializer_list<std::string_view> texts, const PassArgs& args = {}) {
  for (std::string_view text : texts) EXPECT_EQ(run_pass("simplify_movement", text, args).text, canonical(text));
}

TEST(SimplifyMovement, TakesOutReshapesToTheShapeThatIsThere) {
  expect_rewrites({
      {R"(
    x: float[?,3,4] = Placeholder()
    s: int32[3] = Const(-1, 3, 4)
    r: float = Reshape(x, s)
    y: float = Relu(r)
    return y)", R"(
    x: float[?,3,4] = Placeholder()
    y: float = Relu(x)
    return y)"},
      {R"(
    x: float[?] = Placeholder()
    axis: int32 = Const(-1)
    e: float = ExpandDims(x, axis)
    shape: int32 = Shape(e)
    zero: int32[1] = Const(0)
    one: int32[1] = Const(1)
    n: int32 = StridedSlice(shape, zero, one, one) {shrink_axis_mask = 1}
    width: int32 = Const(1)
    target: int32 = Pack(n, width)
    r: float = Reshape(e, target)
    y: float = Relu(r)
    return y)", R"(
    x: float[?] = Placeholder()
    axis: int32 = Const(-1)
    e: float = ExpandDims(x, axis)
    y: float = Relu(e)
    return y)"},
      {R"(
    x: float[?,3] = Placeholder()
    axis: int32 = Const(1)
    e: float = ExpandDims(x, axis)
    f: float = ExpandDims(e, axis)
    s: float = Squeeze(f) {squeeze_dims = [1, 2]}
    y: float = Relu(s)
    return y)", R"(
    x: float[?,3] = Placeholder()
    y: float = Relu(x)
    return y)"},
  });
}

TEST(SimplifyMovement, LeavesOneComputedSizeToTheReshape) {
  expect_rewrites({{R"(
    x: float[?,3,4] = Placeholder()
    shape: int32 = Shape(x)
    zero: int32[1] = Const(0)
    one: int32[1] = Const(1)
    n: int32 = StridedSlice(shape, zero, one, one) {shrink_axis_mask = 1}
    width: int32 = Const(12)
    target: int32 = Pack(n, width)
    y: float = Reshape(x, target)
    z: float = Relu(y)
    return z)", R"(
    x: float[?,3,4] = Placeholder()
    y/shape: int32[2] = Const(-1, 12)
    y: float = Reshape(x, y/shape)
    z: float = Relu(y)
    return z)"}});
}

TEST(SimplifyMovement, JoinsReshapesAndTransposes) {
  expect_rewrites({
      {R"(
    x: float[2,6] = Placeholder()
    a: int32[3] = Const(2, 3, 2)
    b: int32[2] = Const(3, 4)
    r: float = Reshape(x, a)
    s: float = Reshape(r, b)
    y: float = Relu(s)
    return y)", R"(
    x: float[2,6] = Placeholder()
    b: int32[2] = Const(3, 4)
    s: float = Reshape(x, b)
    y: float = Relu(s)
    return y)"},
      {R"(
    x: float[2,3,4] = Placeholder()
    p: int32[3] = Const(1, 2, 0)
    q: int32[3] = Const(2, 0, 1)
    t: float = Transpose(x, p)
    u: float = Transpose(t, q)
    y: float = Relu(u)
    return y)", R"(
    x: float[2,3,4] = Placeholder()
    y: float = Relu(x)
    return y)"},
  });
  const TextModel before = parse_model(R"(
    x: float[2,3,4] = Placeholder()
    p: int32[3] = Const(1, 2, 0)
    q: int32[3] = Const(0, 2, 1)
    t: float = Transpose(x, p)
    u: float = Transpose(t, q)
    y: float = Relu(u)
    return y)");
  const Ran ran = run_pass("simplify_movement", before);
  EXPECT_EQ(ran.after.model.meta.graph.size(), 4u);
  EXPECT_EQ(difference(before, ran.after), 0);
}

TEST(SimplifyMovement, TakesOutWhatMovesNothing) {
  for (std::string_view line : {
           "b: int32[2] = Const(0, 0)\n n: int32[2] = Const(-1, 3)\n m: float = Slice(x, b, n)",
           "b: int32[2] = Const(0, 0)\n n: int32[2] = Const(0, 3)\n o: int32[2] = Const(1, 1)\n m: float = StridedSlice(x, b, n, o) {end_mask = 1}",
           "b: int32[2,2] = Const(0)\n m: float = Pad(x, b)",
           "b: int32[2] = Const(1, 1)\n m: float = Tile(x, b)",
           "b: int32[0] = Const()\n m: float = Sum(x, b)",
           "b: int32[2] = Const(0, 1)\n m: float = Transpose(x, b)",
           "b: int32 = Const(0)\n m: float = ConcatV2(x, b)",
           "b: int32 = Const(0)\n m: float = Split(b, x) {num_split = 1}",
           "b: int32 = Const(1)\n m: float, n: float, o: float = Split(b, x) {num_split = 3}\n p: float = ConcatV2(m, m:1, m:2, b)\n q: float = Identity(p)",
           "m: float, n: float, o: float = Unpack(x) {num = 3, axis = 1}\n p: float = Pack(m, m:1, m:2) {axis = 1}\n q: float = Identity(p)",
           "m: double = Cast(x)\n n: double = Cast(m)\n",
       }) {
    const std::string text = std::string("x: float[?,3] = Placeholder()\n") + std::string(line) + "\n";
    const std::string last = text.find("q: float") != std::string::npos ? "q" : text.find("n: double") != std::string::npos ? "n" : "m";
    const TextModel before = parse_model(text + "y: float = " + (last == "n" ? "Cast(n)" : "Relu(" + last + ")") + "\nreturn y");
    const Ran ran = run_pass("simplify_movement", before);
    ASSERT_TRUE(ran.ok) << ran.error;
    // x, what reads it, and at most the Identity or the Cast that makes its input another kind of thing.
    EXPECT_LE(ran.after.model.meta.graph.size(), last == "m" ? 2u : 3u) << ran.text;
    EXPECT_EQ(difference(before, ran.after), 0) << text;
  }
}

TEST(SimplifyMovement, JoinsConcatenations) {
  expect_rewrites({{R"(
    x: float[2,3] = Placeholder()
    z: float[2,1] = Placeholder()
    a: int32 = Const(1)
    b: int32 = Const(-1)
    c: float = ConcatV2(x, z, a)
    d: float = ConcatV2(z, c, x, b)
    y: float = Relu(d)
    return y)", R"(
    x: float[2,3] = Placeholder()
    z: float[2,1] = Placeholder()
    b: int32 = Const(-1)
    d: float = ConcatV2(z, x, z, x, b)
    y: float = Relu(d)
    return y)"}});
}

TEST(SimplifyMovement, LeavesOutTheAxesOfAReduction) {
  expect_rewrites({{R"(
    x: float[2,3] = Placeholder()
    a: int32[1] = Const(-1)
    m: float = Mean(x, a) {keep_dims = true}
    s: float = Squeeze(m) {squeeze_dims = [1]}
    y: float = Relu(s)
    return y)", R"(
    x: float[2,3] = Placeholder()
    a: int32[1] = Const(-1)
    m: float = Mean(x, a)
    y: float = Relu(m)
    return y)"}});
}

TEST(SimplifyMovement, LooksSparseIdsUpDirectly) {
  constexpr std::string_view kText = R"(
    table: float[5,2] = Const(seed=1)
    ids: int64[?] = Placeholder()
    rows: int64[?] = Placeholder()
    u: int64, i: int32 = Unique(ids)
    axis: int32 = Const(0)
    g: float = GatherV2(table, u, axis)
    y: float = SparseSegmentMean(g, u:1, rows) {Tsegmentids = int64}
    return y)";
  expect_rewrites({{kText, R"(
    table: float[5,2] = Const(seed=1)
    ids: int64[?] = Placeholder()
    rows: int64[?] = Placeholder()
    y: float = SparseSegmentMean(table, ids, rows) {Tsegmentids = int64}
    return y)"}}, {{"lookups", "true"}}, false);
  expect_declines({kText});
}

TEST(SimplifyMovement, FollowsSizesThroughSparseLookups) {
  // What estimators write around an embedding: every size but the number of rows is known.
  constexpr std::string_view kText = R"(
    table: float[5,2] = Const(seed=1)
    ids: int64[?] = Placeholder()
    rows: int32[?] = Placeholder()
    e: float = SparseSegmentMean(table, ids, rows) {Tidx = int64}
    s: int32 = Shape(e)
    one: int32[1] = Const(1)
    two: int32[1] = Const(2)
    zero: int32[1] = Const(0)
    width: int32 = StridedSlice(s, one, two, one) {shrink_axis_mask = 1}
    count: int32 = StridedSlice(s, zero, one, one) {shrink_axis_mask = 1}
    target: int32 = Pack(count, width)
    r: float = Reshape(e, target)
    y: float = Relu(r)
    return y)";
  expect_rewrites({{kText, R"(
    table: float[5,2] = Const(seed=1)
    ids: int64[?] = Placeholder()
    rows: int32[?] = Placeholder()
    e: float = SparseSegmentMean(table, ids, rows) {Tidx = int64}
    y: float = Relu(e)
    return y)"}}, {}, false);
  expect_rewrites({{R"(
    x: float[?,1] = Placeholder()
    at: int64[?,2] = Placeholder()
    shape: int64 = Shape(x)
    zero: int32[1] = Const(0)
    one: int32[1] = Const(1)
    n: int64 = Slice(shape, zero, one)
    rows: int64 = Prod(n, zero)
    unit: int64 = Const(1)
    target: int64 = Pack(rows, unit)
    indices: int64, dense: int64 = SparseReshape(at, shape, target)
    y: int64 = Neg(indices)
    z: int64 = Neg(indices:1)
    return y, z)", R"(
    x: float[?,1] = Placeholder()
    at: int64[?,2] = Placeholder()
    shape: int64 = Shape(x)
    y: int64 = Neg(at)
    z: int64 = Neg(shape)
    return y, z)"}}, {}, false);
}

TEST(SimplifyMovement, DeclinesWhatMayDependOnAFeed) {
  expect_declines({
      // Two sizes are not known.
      "x: float[?,?] = Placeholder()\n s: int32[2] = Const(-1, 4)\n r: float = Reshape(x, s)\n y: float = Relu(r)\n return y",
      // The sizes of another value.
      "x: float[?,3] = Placeholder()\n z: float[?,3] = Placeholder()\n s: int32 = Shape(z)\n r: float = Reshape(x, s)\n y: float = Relu(r)\n return y, s",
      "x: float[?,3] = Placeholder()\n b: int32[2] = Const(0, 0)\n n: int32[2] = Const(2, 3)\n m: float = Slice(x, b, n)\n y: float = Relu(m)\n return y",
      "x: float[?,3] = Placeholder()\n b: int32[2] = Const(0, 1)\n n: int32[2] = Const(-1, -1)\n m: float = Slice(x, b, n)\n y: float = Relu(m)\n return y",
      // Feeds are not what their nodes compute.
      "x: float[2,3] = Placeholder()\n p: int32[2] = Const(1, 0)\n t: float = Transpose(x, p)\n u: float = Transpose(t, p)\n y: float = Relu(u)\n input t\n return y",
  });
}

TEST(SimplifyMovement, DeclinesWhatIsNamedOrOrdered) {
  expect_declines({
      "x: float[2,3] = Placeholder()\n s: int32[2] = Const(2, 3)\n y: float = Reshape(x, s)\n return y",
      "x: float[2,3] = Placeholder()\n n: float = RandomUniform(s)\n s: int32[2] = Const(2, 3)\n r: float = Reshape(x, s, ^n)\n y: float = Relu(r)\n return y",
      // A cast that loses something, and one of codes.
      "x: float[3] = Placeholder()\n a: int32 = Cast(x)\n b: float = Cast(a)\n y: float = Relu(b)\n return y",
      "x: int32[3] = Placeholder()\n a: float = Cast(x)\n b: int64 = Cast(a)\n y: int64 = Neg(b)\n return y",
      // Joined in another order, or with something else in between.
      "x: float[2,2] = Placeholder()\n a: int32 = Const(1)\n m: float, n: float = Split(a, x) {num_split = 2}\n y: float = ConcatV2(m:1, m, a)\n return y",
      "x: float[2,2] = Placeholder()\n a: int32 = Const(1)\n b: int32 = Const(0)\n m: float, n: float = Split(a, x) {num_split = 2}\n c: float = ConcatV2(m, m:1, b)\n y: float = Relu(c)\n return y",
      // Behind v1 control flow a value may be dead.
      "p: bool[] = Placeholder()\n x: float[2,3] = Placeholder()\n f: float, t: float = Switch(x, p)\n s: int32[2] = Const(2, 3)\n r: float = Reshape(f, s)\n"
      "m: float, i: int32 = Merge(r, f:1)\n return m",
  });
}

TEST(SimplifyMovement, ReadsNoBytesOfWeights) {
  const Ran ran = run_pass("simplify_movement", R"(
    w: float[300,20] = File(seed=1)
    x: float[?,300] = Placeholder()
    m: float = MatMul(x, w)
    s: int32[2] = Const(-1, 20)
    r: float = Reshape(m, s)
    y: float = Relu(r)
    return y)");
  EXPECT_EQ(ran.bytes_read, 0u);
  EXPECT_EQ(ran.after.model.meta.graph.size(), 4u);
}

}  // namespace
}  // namespace whittle
