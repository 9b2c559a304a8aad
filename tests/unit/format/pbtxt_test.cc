#include "format/pbtxt.h"

#include "format/pbtxt_schema.h"
#include "text_model.h"

namespace whittle {
namespace {

using format::TextRoot;

// The binary of a GraphDef text as hex, or the error.
std::string converted(std::string_view text) {
  const Result<std::string> bytes = format::pbtxt_to_binary(text, TextRoot::kGraphDef);
  return bytes.ok() ? to_hex(bytes_of(*bytes)) : outcome(bytes);
}

// An attribute value of the only node.
std::string value(std::string_view text) {
  const std::string all = converted(cat("node { attr { value { ", text, " } } }"));
  return all.substr(0, 7) == "corrupt" ? all : all.substr(12);  // 0a.. 2a.. 12..
}

TEST(TextModels, FieldsInEveryWayTheyMayBeWritten) {
  EXPECT_EQ(converted("node { name: \"x\" }"), "0a030a0178");
  EXPECT_EQ(converted("node: < name: 'x'; >, # a comment\n"), "0a030a0178");
  EXPECT_EQ(converted("node [ { name: \"x\" }, { name: \"y\" } ]"), "0a030a01780a030a0179");
  EXPECT_EQ(converted("node { input: [\"a\", \"b\"] input: [] }"), "0a061a01611a0162");
  EXPECT_EQ(converted("versions { producer: 21 }"), "22020815");
  EXPECT_EQ(converted(""), "");
}

TEST(TextModels, StringsHaveEscapesAndJoin) {
  EXPECT_EQ(converted("node { name: \"a\" 'b' \"\\x41\\101\\n\\\\\\\"\" }"),
            "0a090a076162"
            "41410a5c22");
  EXPECT_EQ(value("s: \"\\000\\377\\0012\""),
            "1204"
            "00ff0132");
  EXPECT_EQ(converted("node { name: \"a"), "corrupt: a string has no end, in line 1");
  EXPECT_EQ(converted("\nnode { name: \"\\q\" }"),
            "corrupt: a string has an unknown escape, in line 2");
  EXPECT_EQ(converted("node { name: \"\\777\" }"),
            "corrupt: a string has an unknown escape, in line 1");
}

TEST(TextModels, NumbersAreTakenExactly) {
  EXPECT_EQ(value("i: -1"), "18ffffffffffffffffff01");
  EXPECT_EQ(value("i: 0x10"), "1810");
  EXPECT_EQ(value("i: 010"), "1808");
  EXPECT_EQ(value("i: 9223372036854775807"), "18ffffffffffffffff7f");
  EXPECT_EQ(value("i: 99999999999999999999"),
            "corrupt: \"99999999999999999999\" is no integer, in line 1");
  EXPECT_EQ(value("f: 1"), "250000803f");
  EXPECT_EQ(value("f: 1e-05"), "25acc52737");
  EXPECT_EQ(value("f: -1.5f"), "250000c0bf");
  EXPECT_EQ(value("f: 0.1"), "25cdcccc3d");
  EXPECT_EQ(value("f: inf"), "250000807f");
  EXPECT_EQ(value("f: -inf"), "25000080ff");
  EXPECT_EQ(value("f: nan"), "250000c07f");
  EXPECT_EQ(value("f: 1e300"), "250000807f");
  EXPECT_EQ(value("f: 3.40282346639e+38"), "25ffff7f7f");
  EXPECT_EQ(value("f: x"), "corrupt: \"x\" is no number, in line 1");
  EXPECT_EQ(value("b: true"), "2801");
  EXPECT_EQ(value("b: f"), "2800");
  EXPECT_EQ(value("b: 2"), "corrupt: \"2\" is no bool, in line 1");
}

TEST(TextModels, EnumsByNameOrNumber) {
  EXPECT_EQ(value("type: DT_FLOAT"), "3001");
  EXPECT_EQ(value("type: DT_INT8_REF"), "306a");
  EXPECT_EQ(value("type: 77"), "304d");
  EXPECT_EQ(value("type: DT_NONE").substr(0, 7), "corrupt");
  EXPECT_EQ(format::text_dtype("DT_FLOAT4_E2M1FN"), 33);
}

TEST(TextModels, WhatNoMessageHasIsRefused) {
  EXPECT_EQ(converted("node { nome: \"x\" }"),
            "corrupt: message Node has no field nome, in line 1");
  EXPECT_EQ(converted("node { name \"x\""), "corrupt: a message has no end, in line 1");
  EXPECT_EQ(converted("node \"x\""), "corrupt: a message is expected, in line 1");
  EXPECT_EQ(converted("}"), "corrupt: a field name is expected, not }, in line 1");
  EXPECT_EQ(converted(std::string_view("node { }\0node", 13)).substr(0, 7), "corrupt");
}

TEST(TextModels, KnownFieldsOfNoUseArePassedOver) {
  EXPECT_EQ(converted("debug_info { files: [\"a\", \"b\"] traces { key: \"k\" value: < x: -1.5e3 > "
                      "} } node { }"),
            "0a00");
  EXPECT_EQ(
      converted(
          "node { experimental_type { type_id: TFT_PRODUCT args { type_id: 1000 } } name: \"x\" }"),
      "0a030a0178");
}

TEST(TextModels, AnyIsWrittenOutOrPacked) {
  const auto any = [](std::string_view text) {
    return to_hex(
        bytes_of(binary(cat("meta_graphs { meta_info_def { any_info { ", text, " } } }"))));
  };
  EXPECT_EQ(any("type_url: \"t\" value: \"v\""),
            "12"
            "0a"
            "0a08"
            "1a06"
            "0a0174"
            "120176");
  const std::string expanded =
      any("[type.googleapis.com/tensorflow.AssetFileDef] { filename: \"f\" }");
  EXPECT_EQ(expanded.substr(expanded.size() - 10), "1203120166");
}

TEST(TextModels, DepthIsLimited) {
  std::string text = "node { attr { value { ";
  for (int i = 0; i < 1000; ++i) text += "func { attr { value { ";
  EXPECT_EQ(converted(text), "corrupt: messages are nested too deeply, in line 1");
  std::string skipped = "debug_info ";
  for (int i = 0; i < 100000; ++i) skipped += "{ a ";
  EXPECT_EQ(converted(skipped), "corrupt: messages are nested too deeply, in line 1");
}

TEST(TextModels, AreReadLikeBinaryOnes) {
  const std::string text = cat(
      "saved_model_schema_version: 1 meta_graphs { meta_info_def { tags: \"serve\" } graph_def { ",
      kHalf, " } ", kSignature, " }");
  MemoryFiles files({{"saved_model.pbtxt", text}});
  const Result<Model> model = read(files);
  ASSERT_EQ(outcome(model), "ok");
  EXPECT_EQ(model->meta.graph.size(), 3u);
  MemoryFiles broken({{"saved_model.pbtxt", text.substr(0, text.size() - 1)}});
  EXPECT_EQ(outcome(read(broken)),
            "corrupt: a message has no end, in line 1, in saved_model.pbtxt");
}

}  // namespace
}  // namespace whittle
