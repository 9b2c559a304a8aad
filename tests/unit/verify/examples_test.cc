// Serialized examples that are made up for models that parse them.
#include "verify/examples.h"

#include <gtest/gtest.h>

#include "support/graph_text.h"
#include "whittle/kernel.h"

namespace whittle::verify {
namespace {

TEST(Examples, HoldTheFeaturesThatTheParserAsksFor) {
  MetaGraph meta;
  Graph& g = meta.graph;
  const auto strings = [&](const char* name, Shape shape, std::vector<std::string> values) {
    AttrMap attrs;
    attrs.set("value", AttrValue::tensor(TensorRef::owned(Tensor(std::move(shape), std::move(values)))));
    return OutputId{g.add(name, "Const", {}, std::move(attrs)), 0};
  };
  const NodeId input = g.add("x", "Placeholder");
  const NodeId forwarded = g.add("y", "Identity", {{input, 0}}, {});
  AttrMap attrs;
  AttrList sparse, dense, shapes;
  sparse.types = {DType::kString};
  dense.types = {DType::kInt64, DType::kFloat};
  shapes.shapes = {Shape{}, Shape{2, 3}};
  attrs.set("sparse_types", AttrValue::list(sparse));
  attrs.set("Tdense", AttrValue::list(dense));
  attrs.set("dense_shapes", AttrValue::list(shapes));
  const OutputId names = strings("names", Shape{0}, {});
  const OutputId sparse_keys = strings("sparse", Shape{1}, {"words"});
  const OutputId dense_keys = strings("dense", Shape{2}, {"age", "pixels"});
  g.add("parse", "ParseExampleV2", {{forwarded, 0}, names, sparse_keys, dense_keys, names}, std::move(attrs));

  const std::optional<ExampleSpec> spec = find_example_parser(meta, {input, 0});
  ASSERT_TRUE(spec);
  ASSERT_EQ(spec->features.size(), 3u);
  EXPECT_EQ(spec->features[0].key, "words");
  EXPECT_EQ(spec->features[0].dtype, DType::kString);
  EXPECT_EQ(spec->features[1].key, "age");
  EXPECT_EQ(spec->features[1].count, 1u);
  EXPECT_EQ(spec->features[2].count, 6u);

  Random one("x", 0), same("x", 0), other("x", 1);
  const std::string example = make_example(*spec, 10, one);
  EXPECT_EQ(example, make_example(*spec, 10, same));
  EXPECT_NE(example, make_example(*spec, 10, other));
  EXPECT_NE(example.find("pixels"), std::string::npos);
}

TEST(Examples, AreNotMadeForAnInputThatIsNotParsed) {
  MetaGraph meta;
  const NodeId input = meta.graph.add("x", "Placeholder");
  meta.graph.add("y", "StringLower", {{input, 0}}, {});
  EXPECT_FALSE(find_example_parser(meta, {input, 0}));
}

}  // namespace
}  // namespace whittle::verify
