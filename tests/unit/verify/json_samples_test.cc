// JSON as samples.
#include <gtest/gtest.h>

#include "support/random.h"
#include "verify/samples_fixture.h"

namespace whittle {
namespace {

Lines read(std::string text, const Signature& s) { return read_one("s.json", std::move(text), s); }

Signature two() {
  return signature_of(
      {{"x", input_of(DType::kFloat, {-1, 2})}, {"s", input_of(DType::kString, {-1})}});
}

TEST(JsonSamples, ReadsRows) {
  const Lines want = {"s: string[1] 'hi', x: float32[1,2] 1 2",
                      "s: string[1] 'there', x: float32[1,2] 3.5 4"};
  EXPECT_EQ(
      read(
          R"({"signature_name": "serving_default", "instances": [{"x": [1, 2], "s": "hi"}, {"s": {"b64": "dGhlcmU="}, "x": [3.5, 4]}]})",
          two()),
      want);
  EXPECT_EQ(read(R"({"instances": [[1, 2], [3, 4]]})", takes(DType::kInt32, {-1, 2})),
            (Lines{"x: int32[1,2] 1 2", "x: int32[1,2] 3 4"}));
  EXPECT_EQ(
      read(R"({"instances": [{"b64": "AP8="}, {"b64": "_-8"}]})", takes(DType::kString, {-1})),
      (Lines{"x: string[1] '\\x00\\xff'", "x: string[1] '\\xff\\xef'"}));
  EXPECT_EQ(read(R"({"instances": [1, 2]})", takes(DType::kInt32, {-1})).size(), 2u);
}

TEST(JsonSamples, ReadsColumns) {
  EXPECT_EQ(
      read(R"({"inputs": {"x": [[1, 2], [3, 4]], "s": ["a", "b"]}})", two()),
      (Lines{"s: string[1] 'a', x: float32[1,2] 1 2", "s: string[1] 'b', x: float32[1,2] 3 4"}));
  EXPECT_EQ(read(R"({"inputs": [[1, 2]]})", takes(DType::kFloat, {-1, 2})),
            Lines{"x: float32[1,2] 1 2"});
  EXPECT_EQ(read(R"({"inputs": {"b64": "aGk="}})", takes(DType::kString, {-1})),
            Lines{"x: string[1] 'hi'"});
}

TEST(JsonSamples, ReadsPlainObjectsAndArrays) {
  EXPECT_EQ(read(R"({"x": [[1, 2]], "s": ["a"]})", two()),
            Lines{"s: string[1] 'a', x: float32[1,2] 1 2"});
  EXPECT_EQ(read("[[1, 2], [3, -4e1]]", takes(DType::kFloat, {-1, 2})),
            (Lines{"x: float32[1,2] 1 2", "x: float32[1,2] 3 -40"}));
  EXPECT_EQ(read("[true, false]", takes(DType::kBool, {2})), Lines{"x: bool[2] 01 00"});
  EXPECT_EQ(read("7", takes(DType::kInt32, Shape{})), Lines{"x: int32[] 7"});
  EXPECT_EQ(read("[9007199254740993]", takes(DType::kInt64, {1})),
            Lines{"x: int64[1] 9007199254740993"});
}

TEST(JsonSamples, SaysWhatIsWrong) {
  const Signature s = takes(DType::kFloat, {-1, 2});
  const std::string end = ", in samples s.json";
  EXPECT_EQ(read("[[1, 2", s), Lines{"invalid_argument: it is no JSON" + end});
  EXPECT_EQ(read("[[1, 2], [3]]", s),
            Lines{"invalid_argument: rows of an array have different lengths or kinds" + end});
  EXPECT_EQ(read("[[1, 2], 3]", s),
            Lines{"invalid_argument: rows of an array have different lengths or kinds" + end});
  EXPECT_EQ(read("[1, [2, 3]]", s),
            Lines{"invalid_argument: rows of an array have different lengths or kinds" + end});
  EXPECT_EQ(read(R"([[1, "a"]])", s),
            Lines{"invalid_argument: rows of an array have different lengths or kinds" + end});
  EXPECT_EQ(
      read("[[1, null]]", s),
      Lines{"invalid_argument: it holds something that is neither number, text nor array" + end});
  EXPECT_EQ(read("[]", s)[0].substr(0, 16), "invalid_argument");
  EXPECT_EQ(read("[[], []]", s), Lines{"invalid_argument: the input takes [?,2] and the array is "
                                       "[2,0], in input x, in samples s.json"});
  EXPECT_EQ(
      read(R"({"signature_name": "other", "instances": [[1, 2]]})", s),
      Lines{"invalid_argument: it is for the signature other, not for serving_default" + end});
  EXPECT_EQ(read(R"({"instances": []})", s),
            Lines{"invalid_argument: its instances are no list of examples" + end});
  EXPECT_EQ(read(R"({"instances": [{"x": [1, 2]}, {"y": [1, 2]}]})", s),
            Lines{"invalid_argument: its instances have different inputs" + end});
  EXPECT_EQ(read(R"({"y": [1], "x": [[1, 2]]})", two()),
            Lines{"invalid_argument: it has x, y; the inputs are s, x" + end});
  EXPECT_EQ(
      read(R"({"x": [{"b64": "!"}]})", s),
      Lines{"invalid_argument: the value of b64 is no base64, in input x, in samples s.json"});
  EXPECT_EQ(read("[1]", two()),
            Lines{"invalid_argument: it has an array without a name; the inputs are s, x" + end});
  EXPECT_EQ(read("[1.5]", takes(DType::kInt32, {-1})),
            Lines{"invalid_argument: the input takes int32; element 0 is 1.5, in input x, in "
                  "samples s.json"});
  EXPECT_EQ(read(std::string(100'000, '['), s),
            Lines{"invalid_argument: its arrays are nested more than 64 deep" + end});
  EXPECT_EQ(read("[" + std::string(9'000'000, ','), s),
            Lines{"limit: the samples take more than 256 MB" + end});
}

TEST(JsonSamples, CutAndBrokenFilesGiveErrors) {
  const std::string whole =
      R"({"signature_name": "serving_default", "instances": [{"x": [1, 2], "s": "hi"}, {"s": {"b64": "dGhlcmU="}, "x": [3.5, 4]}]})";
  for (size_t n = 0; n < whole.size(); ++n)
    EXPECT_EQ(read(whole.substr(0, n), two())[0].substr(0, 16), "invalid_argument") << n;
  Random random(3);
  for (int k = 0; k < 3000; ++k) {
    std::string broken = whole;
    broken[static_cast<size_t>(random.below(broken.size()))] = "[]{},:\"0a\\"[random.below(10)];
    (void)read(broken, two());
  }
}

}  // namespace
}  // namespace whittle
