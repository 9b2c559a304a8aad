#include <gtest/gtest.h>

#include "format/meta_reader.h"
#include "format/text_model.h"
#include "whittle/wire.h"

namespace whittle {
namespace {

struct Object {
  std::vector<std::pair<std::string, int64_t>> children;
  std::string key;  // of its value in the checkpoint
};

// Field 1 of SavedObjectGraph and TrackableObjectGraph alike.
std::string graph_of(const std::vector<Object>& objects) {
  WireWriter graph;
  for (const Object& object : objects) {
    WireWriter out;
    for (const auto& [name, id] : object.children) {
      WireWriter child;
      if (id != 0) child.int64(1, id);
      child.bytes(2, name);
      out.bytes(1, child.data());
    }
    if (!object.key.empty()) {
      WireWriter attribute;
      attribute.bytes(1, "VARIABLE_VALUE");
      attribute.bytes(2, "a name that decides nothing");
      attribute.bytes(3, object.key);
      out.bytes(2, attribute.data());
    }
    graph.bytes(1, out.data());
  }
  return graph.take();
}

std::string captures_of(const std::string& function, const std::string& packed) {
  WireWriter value, entry, graph;
  value.bytes(2, packed);
  entry.bytes(1, function);
  entry.bytes(2, value.data());
  graph.bytes(2, entry.data());
  return graph.take();
}

struct Paired {
  std::string outcome;
  ObjectPairs pairs;
};

Paired pair(const std::string& saved, const std::string& stored,
            const std::vector<std::string>& functions = {}) {
  auto source = std::make_shared<const format::Source>(saved, format::LazyContents(),
                                                       std::vector<format::OriginalSize>());
  MetaGraph meta;
  Paired out;
  Status read = format::read_object_graph(source->bytes, source, &meta);
  if (!read.ok() || meta.objects == nullptr)
    return {read.ok() ? "none" : read.error().to_string(), {}};
  for (const std::string& f : functions) out.pairs.captures[f] = {};
  out.outcome = outcome(meta.objects->pair(stored, &out.pairs));
  return out;
}

using Keys = std::map<uint32_t, std::string>;

TEST(ObjectGraph, PairsByTheNamesOfChildrenWhateverTheNumbers) {
  const std::string saved =
      graph_of({{{{"layers", 2}, {"bias", 1}}, ""}, {}, {{{"0", 3}, {"1", 4}}, ""}, {}, {}});
  const std::string stored = graph_of({{{{"bias", 4}, {"layers", 3}}, ""},
                                       {{}, "k1"},
                                       {{}, "k0"},
                                       {{{"1", 1}, {"0", 2}, {"2", 1}}, ""},
                                       {{}, "b"}});
  const Paired paired = pair(saved, stored);
  EXPECT_EQ(paired.outcome, "ok");
  EXPECT_EQ(paired.pairs.keys, (Keys{{1, "b"}, {3, "k0"}, {4, "k1"}}));
}

TEST(ObjectGraph, ReadsTheCapturesOfTheFunctionsAskedFor) {
  const std::string saved = graph_of({{}, {}}) + captures_of("f", from_hex("01 ac02 00")) +
                            captures_of("g", from_hex("01"));
  const Paired paired = pair(saved, graph_of({{}}), {"f", "h"});
  EXPECT_EQ(paired.outcome, "ok");
  EXPECT_EQ(paired.pairs.captures.at("f"), (std::vector<uint32_t>{1, 300, 0}));
  EXPECT_TRUE(paired.pairs.captures.at("h").empty());
  EXPECT_EQ(paired.pairs.captures.size(), 2u);
}

TEST(ObjectGraph, ReadsTheTextForm) {
  const std::string rest =
      "object_graph_def { nodes { children { node_id: 1 local_name: \"v\" } } nodes { variable { } "
      "} "
      "concrete_functions { key: \"f\" value { bound_inputs: 1 bound_inputs: 1 } } } ";
  MemoryFiles files({{"saved_model.pb", saved_model(kHalf, kSignature + rest)}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  ObjectPairs pairs;
  pairs.captures["f"] = {};
  ASSERT_EQ(outcome(model->meta.objects->pair(graph_of({{{{"v", 1}}, ""}, {{}, "key"}}), &pairs)),
            "ok");
  EXPECT_EQ(pairs.keys, (Keys{{1, "key"}}));
  EXPECT_EQ(pairs.captures.at("f"), (std::vector<uint32_t>{1, 1}));
}

TEST(ObjectGraph, AnObjectOfTheCheckpointGoesToTheNearestThatAsksForIt) {
  // root.a.v and root.v are two objects here and one in the checkpoint: root.v is nearer.
  const std::string saved = graph_of({{{{"a", 1}, {"v", 3}}, ""}, {{{"v", 2}}, ""}, {}, {}});
  const std::string stored = graph_of({{{{"a", 1}, {"v", 2}}, ""}, {{{"v", 2}}, ""}, {{}, "key"}});
  EXPECT_EQ(pair(saved, stored).pairs.keys, (Keys{{3, "key"}}));
}

TEST(ObjectGraph, OneObjectUnderTwoNamesIsOne) {
  const std::string graph = graph_of({{{{"a", 1}, {"b", 1}}, ""}, {{}, "key"}});
  EXPECT_EQ(pair(graph, graph).pairs.keys, (Keys{{1, "key"}}));
}

TEST(ObjectGraph, EndsOnCyclesAndPassesOverNumbersWithoutObjects) {
  const std::string saved = graph_of(
      {{{{"me", 0}, {"next", 1}, {"far", 99}, {"minus", -1}}, ""}, {{{"back", 0}, {"me", 1}}, ""}});
  const std::string stored =
      graph_of({{{{"me", 0}, {"next", 1}, {"far", 1}, {"minus", 1}, {"none", 77}}, ""},
                {{{"back", 0}, {"me", 1}}, "key"}});
  const Paired paired = pair(saved, stored);
  EXPECT_EQ(paired.outcome, "ok");
  EXPECT_EQ(paired.pairs.keys, (Keys{{1, "key"}}));
}

TEST(ObjectGraph, NothingIsPairedWithAnEmptyGraph) {
  EXPECT_EQ(pair("", graph_of({{}})).outcome, "none");
  EXPECT_TRUE(pair(graph_of({{}}), "").pairs.keys.empty());
}

TEST(ObjectGraph, BrokenBytesAreCorrupt) {
  const std::string good = graph_of({{{{"v", 1}}, ""}, {{}, "key"}});
  EXPECT_EQ(pair(from_hex("0a 02 0a 05"), good).outcome.substr(0, 7), "corrupt");
  EXPECT_EQ(pair(good, from_hex("0a 02 0a 05")).outcome.substr(0, 7), "corrupt");
  EXPECT_EQ(pair(good + captures_of("f", from_hex("01 80")), good, {"f"}).outcome,
            "corrupt: a list of captures is cut off");
}

// Every object of the checkpoint leads to the same wide object here: no work is done twice.
TEST(ObjectGraph, ManyWideObjectsTakeTimeOfTheirSizeOnly) {
  std::vector<Object> saved(2), stored(1001);
  for (int i = 0; i < 100'000; ++i) saved[1].children.push_back({cat("child", i), 1});
  for (int i = 1; i <= 1000; ++i) {
    saved[0].children.push_back({cat("o", i), 1});
    stored[0].children.push_back({cat("o", i), i});
    for (int k = 0; k < 100; ++k)
      stored[static_cast<size_t>(i)].children.push_back({cat("child", k), i});
  }
  EXPECT_EQ(pair(graph_of(saved), graph_of(stored)).outcome, "ok");
}

TEST(ObjectGraph, AMillionObjectsAreRefused) {
  std::string many;
  for (int i = 0; i <= 1 << 20; ++i) many += from_hex("0a00");
  EXPECT_EQ(pair(many, graph_of({{}})).outcome,
            "limit: the object graph has more than 1048576 objects or children");
  EXPECT_EQ(pair(graph_of({{}}), many).outcome,
            "limit: the object graph has more than 1048576 objects or children");
}

}  // namespace
}  // namespace whittle
