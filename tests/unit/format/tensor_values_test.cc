// Constants: every encoding is read, one encoding is written.
#include "format/decode.h"
#include "format/encode.h"
#include "support/random.h"
#include "text_model.h"
#include "whittle/math.h"

namespace whittle {
namespace {

using format::Pieces;
using format::ValueDecoder;
using format::ValueEncoder;

Result<TensorRef> decode(std::string_view text) {
  pb::Tensor proto;
  const std::string attr_value =
      binary(cat("node { attr { key: \"value\" value { tensor { ", text, " } } } }"),
             format::TextRoot::kGraphDef);
  // GraphDef{1 node{5 entry{1 key, 2 value{8 tensor}}}}: the tensor is at the end.
  pb::Node parsed;
  std::string_view node_bytes(attr_value);
  WireReader reader(bytes_of(node_bytes));
  WireField field;
  EXPECT_TRUE(reader.next(&field).ok());
  EXPECT_TRUE(format::parse(field.text(), &parsed));
  return ValueDecoder(format::LazyContents()).tensor(parsed.attr(0).value().tensor());
}

Tensor value(std::string_view text) {
  Result<TensorRef> ref = decode(text);
  EXPECT_EQ(outcome(ref), "ok") << text;
  MemoryFiles none({});
  Result<Tensor> tensor = load_stored(*ref, none.ctx());
  EXPECT_EQ(outcome(tensor), "ok") << text;
  return std::move(tensor).value();
}

template <class T>
std::vector<T> values(std::string_view text) {
  const Tensor t = value(text);
  return {t.values<T>().begin(), t.values<T>().end()};
}

TEST(Constants, TypedValuesRepeatTheLastOneAndExtraOnesAreIgnored) {
  EXPECT_EQ(
      values<float>("dtype: DT_FLOAT tensor_shape { dim { size: 4 } } float_val: 1 float_val: 2"),
      (std::vector<float>{1, 2, 2, 2}));
  EXPECT_EQ(
      values<float>("dtype: DT_FLOAT tensor_shape { dim { size: 1 } } float_val: 1 float_val: 2"),
      (std::vector<float>{1}));
  EXPECT_EQ(values<int32_t>("dtype: DT_INT32 tensor_shape { dim { size: 2 } }"),
            (std::vector<int32_t>{0, 0}));
  EXPECT_EQ(values<int32_t>("dtype: DT_INT32 int_val: -7"), (std::vector<int32_t>{-7}));
  EXPECT_EQ(value("dtype: DT_FLOAT tensor_shape { dim { size: 0 } dim { size: 9 } } float_val: 3")
                .elements(),
            0u);
}

TEST(Constants, NarrowValuesAreTakenModuloTheirWidth) {
  EXPECT_EQ(values<uint8_t>("dtype: DT_UINT8 int_val: -1"), (std::vector<uint8_t>{255}));
  EXPECT_EQ(values<int8_t>("dtype: DT_INT8 int_val: 200"), (std::vector<int8_t>{-56}));
  EXPECT_EQ(values<int16_t>("dtype: DT_INT16 int_val: -2"), (std::vector<int16_t>{-2}));
  EXPECT_EQ(values<uint16_t>("dtype: DT_HALF half_val: 15360"), (std::vector<uint16_t>{0x3c00}));
  EXPECT_EQ(values<uint16_t>("dtype: DT_BFLOAT16 half_val: -1"), (std::vector<uint16_t>{0xffff}));
  EXPECT_EQ(
      values<uint8_t>("dtype: DT_FLOAT8_E5M2 tensor_shape { dim { size: 3 } } float8_val: \"ab\""),
      (std::vector<uint8_t>{'a', 'b', 'b'}));
  EXPECT_EQ(values<uint8_t>("dtype: DT_BOOL tensor_shape { dim { size: 2 } } bool_val: true"),
            (std::vector<uint8_t>{1, 1}));
}

TEST(Constants, ComplexValuesArePairs) {
  const Tensor t =
      value("dtype: DT_COMPLEX64 tensor_shape { dim { size: 2 } } scomplex_val: [1, 2, 3]");
  float parts[4];
  std::memcpy(parts, t.bytes().data(), 16);
  EXPECT_EQ(std::vector<float>(parts, parts + 4), (std::vector<float>{1, 2, 1, 2}));
}

TEST(Constants, ContentWinsOverTypedValues) {
  EXPECT_EQ(values<int32_t>("dtype: DT_INT32 tensor_content: \"\\001\\000\\000\\000\" int_val: 9"),
            (std::vector<int32_t>{1}));
}

TEST(Constants, StringsComeAsValuesOrInContent) {
  EXPECT_EQ(value("dtype: DT_STRING tensor_shape { dim { size: 3 } } string_val: \"a\" string_val: "
                  "\"b\\000\"")
                .strings(),
            (std::vector<std::string>{"a", std::string("b\0", 2), std::string("b\0", 2)}));
  EXPECT_EQ(
      value("dtype: DT_STRING tensor_shape { dim { size: 2 } } tensor_content: \"\\002\\001xyz\"")
          .strings(),
      (std::vector<std::string>{"xy", "z"}));
  EXPECT_EQ(
      outcome(decode(
          "dtype: DT_STRING tensor_shape { dim { size: 2 } } tensor_content: \"\\002\\001x\"")),
      "corrupt: tensor_content is too short for its strings");
}

TEST(Constants, AFewBytesThatDescribeALotBecomeASplat) {
  const Result<TensorRef> ref =
      decode("dtype: DT_FLOAT tensor_shape { dim { size: 1099511627776 } } float_val: 0.5");
  ASSERT_EQ(outcome(ref), "ok");
  EXPECT_EQ(ref->kind(), TensorRef::Kind::kSplat);
  const Result<TensorRef> text =
      decode("dtype: DT_STRING tensor_shape { dim { size: 1099511627776 } } string_val: \"a\"");
  ASSERT_EQ(outcome(text), "ok");
  EXPECT_EQ(text->splat_text(), "a");
}

std::string encoded(const TensorRef& ref, size_t* segments = nullptr) {
  const WriteOptions options;
  const ValueEncoder encoder(options);
  Result<Pieces> pieces = encoder.tensor(ref, "t");
  EXPECT_EQ(outcome(pieces), "ok");
  std::string out;
  for (const PlannedSegment& segment : pieces->take()) {
    if (segment.kind == PlannedSegment::Kind::kTensor) {
      if (segments != nullptr) ++*segments;
      const auto bytes = segment.tensor.tensor().bytes();
      out.append(bytes.begin(), bytes.end());
    } else {
      out += segment.literal;
    }
  }
  return out;
}

template <class T>
TensorRef owned(DType dtype, std::vector<T> v) {
  const auto n = static_cast<int64_t>(v.size());
  return TensorRef::owned(Tensor::of<T>(dtype, {n}, std::span<const T>(v)).value());
}

std::string hex(const TensorRef& ref) { return to_hex(bytes_of(encoded(ref))); }

TEST(Constants, OneValueHasOneEncoding) {
  // dtype, shape [3]; then nothing, one typed value, or content.
  EXPECT_EQ(hex(owned<float>(DType::kFloat, {0, 0, 0})),
            "0801"
            "12041202"
            "0803");
  EXPECT_EQ(hex(owned<float>(DType::kFloat, {1, 1, 1})),
            "0801"
            "12041202"
            "0803"
            "2a040000803f");
  EXPECT_EQ(hex(owned<float>(DType::kFloat, {1, 1, 2})),
            "0801"
            "12041202"
            "0803"
            "220c"
            "0000803f"
            "0000803f"
            "00000040");
  EXPECT_EQ(hex(owned<int32_t>(DType::kInt32, {7, 7})),
            "0803"
            "12041202"
            "0802"
            "3a0107");
  // Bits, not values: a negative zero is no zero.
  EXPECT_EQ(hex(owned<float>(DType::kFloat, {-0.0f, -0.0f})),
            "0801"
            "12041202"
            "0802"
            "2a0400000080");
  EXPECT_EQ(hex(owned<float>(DType::kFloat, {0.0f, -0.0f})),
            "0801"
            "12041202"
            "0802"
            "2208"
            "0000000000000080");
  // Narrow types: content, also for one element; a repeated one must be typed.
  EXPECT_EQ(hex(owned<int8_t>(DType::kInt8, {-1})),
            "0806"
            "12041202"
            "0801"
            "2201ff");
  EXPECT_EQ(hex(owned<int8_t>(DType::kInt8, {-1, -1})),
            "0806"
            "12041202"
            "0802"
            "3a0affffffffffffffffff01");
  EXPECT_EQ(hex(owned<uint16_t>(DType::kHalf, {0x3c00})),
            "0813"
            "12041202"
            "0801"
            "2202003c");
  EXPECT_EQ(hex(owned<uint16_t>(DType::kHalf, {0x3c00, 0x3c00})),
            "0813"
            "12041202"
            "0802"
            "6a0280"
            "78");
  // Strings: never without a value.
  EXPECT_EQ(hex(TensorRef::owned(Tensor({2}, std::vector<std::string>{"", ""}))),
            "0807"
            "12041202"
            "0802"
            "4200");
  EXPECT_EQ(hex(TensorRef::owned(Tensor({2}, std::vector<std::string>{"a", "b"}))),
            "0807"
            "12041202"
            "0802"
            "420161"
            "420162");
}

TEST(Constants, ATrailingRunIsCutWhenThatHalvesTheSize) {
  std::vector<float> v(100, 3.0f);
  v[0] = 1;
  EXPECT_EQ(hex(owned<float>(DType::kFloat, v)),
            "0801"
            "12041202"
            "0864"
            "2a08"
            "0000803f"
            "00004040");
  v[60] = 2;  // 62 values remain: too many
  EXPECT_EQ(encoded(owned<float>(DType::kFloat, v)).size(), 8u + 3 + 400);
  std::vector<int8_t> narrow(100, 3);
  narrow[0] = 1;
  EXPECT_EQ(encoded(owned<int8_t>(DType::kInt8, narrow)).size(), 8u + 2 + 100);
}

TEST(Constants, LargeOnesAreSegmentsAndLargeSplatsOneValue) {
  size_t segments = 0;
  std::vector<float> v(4096, 1.0f);
  EXPECT_LT(encoded(owned<float>(DType::kFloat, v), &segments).size(), 20u);
  EXPECT_EQ(segments, 0u);
  v[0] = 2;
  EXPECT_GT(encoded(owned<float>(DType::kFloat, v), &segments).size(), 16384u);
  EXPECT_EQ(segments, 1u);
}

TEST(Constants, WhatIsWrittenIsReadBackTheSame) {
  constexpr DType kTypes[] = {DType::kFloat,      DType::kDouble, DType::kInt32,     DType::kUint8,
                              DType::kInt16,      DType::kInt8,   DType::kComplex64, DType::kInt64,
                              DType::kBool,       DType::kQint8,  DType::kQuint8,    DType::kQint32,
                              DType::kBfloat16,   DType::kQint16, DType::kQuint16,   DType::kUint16,
                              DType::kComplex128, DType::kHalf,   DType::kUint32,    DType::kUint64,
                              DType::kFloat8E5m2, DType::kInt4,   DType::kUint4};
  Random random(1);
  for (const DType dtype : kTypes) {
    const size_t width = byte_width(dtype);
    for (const size_t elements : {0, 1, 2, 5, 64, 200}) {
      for (const size_t kept : {0, 1, 2, 30}) {  // then the last one repeats; 0 is all zero
        Result<Tensor> made = Tensor::make(dtype, {static_cast<int64_t>(elements)});
        ASSERT_EQ(outcome(made), "ok");
        for (size_t i = 0; i < elements; ++i) {
          uint8_t* at = made->mutable_bytes() + i * width;
          if (i >= kept && i > 0) {
            std::memcpy(at, at - width, width);
          } else if (kept > 0) {
            for (size_t b = 0; b < width; ++b) at[b] = static_cast<uint8_t>(random.next());
            if (dtype == DType::kBool) at[0] &= 1;
            if (dtype == DType::kUint4) at[0] &= 15;
          }
        }
        pb::Tensor proto;
        ASSERT_TRUE(format::parse(encoded(TensorRef::owned(*made)), &proto));
        const Result<TensorRef> back = ValueDecoder(format::LazyContents()).tensor(proto);
        ASSERT_EQ(outcome(back), "ok");
        MemoryFiles none({});
        const Result<Tensor> loaded = load_stored(*back, none.ctx());
        ASSERT_EQ(outcome(loaded), "ok");
        EXPECT_TRUE(loaded->identical(*made))
            << dtype_name(dtype) << " " << elements << " " << kept;
      }
    }
  }
}

}  // namespace
}  // namespace whittle
