// Arrays of NumPy as samples: splitting, numbers, names; and what is refused.
#include <gtest/gtest.h>

#include "support/random.h"
#include "verify/samples_fixture.h"

namespace whittle {
namespace {

#include "sample_bytes.inc"

Lines read_hex(std::string path, std::string_view hex, const Signature& s) {
  return read_one(std::move(path), from_hex(hex), s);
}

std::string npy(std::string_view descr, std::string_view shape, std::string_view data) {
  const std::string header =
      cat("{'descr': '", descr, "', 'fortran_order': False, 'shape': (", shape, "), }\n");
  return cat("\x93NUMPY", '\x01', '\0', static_cast<char>(header.size()), '\0', header, data);
}

TEST(Samples, SplitsAnArrayIntoProbesOfOneRow) {
  const Lines want = {"x: float32[1,4] 0 1 2 3", "x: float32[1,4] 4 5 6 7",
                      "x: float32[1,4] 8 9 10 11"};
  EXPECT_EQ(read_hex("a/any name.npy", kNpyFloat, takes(DType::kFloat, {-1, 4})), want);
  EXPECT_EQ(read_hex("X.NPY", kNpyFloatV2, takes(DType::kFloat, {1, 4})), want);
  EXPECT_EQ(read_hex("b.npz", kNpzOne, takes(DType::kFloat, {-1, -1})), want);
}

TEST(Samples, TakesAsManyRowsAProbeAsTheSignatureFixes) {
  EXPECT_EQ(read_hex("x.npy", kNpyFloat, takes(DType::kFloat, {2, 4})),
            Lines{"x: float32[2,4] 0 1 2 3 4 5 6 7"});
  EXPECT_EQ(read_hex("x.npy", kNpyFloat, takes(DType::kFloat, {3, 4})).size(), 1u);
  EXPECT_EQ(read_hex("x.npy", kNpyFloat, takes(DType::kFloat, {4, 4})),
            Lines{"invalid_argument: the input takes [4,4] and the array is [3,4], in input x, in "
                  "samples x.npy"});
}

TEST(Samples, AddsAndDropsTheBatchAxis) {
  EXPECT_EQ(read_hex("x.npy", kNpyFloat, takes(DType::kFloat, {-1, 3, 4})),
            Lines{"x: float32[1,3,4] 0 1 2 3 4 5 6 7 8 9 10 11"});
  EXPECT_EQ(read_hex("x.npy", kNpyFloat, takes(DType::kFloat, {4})),
            (Lines{"x: float32[4] 0 1 2 3", "x: float32[4] 4 5 6 7", "x: float32[4] 8 9 10 11"}));
  EXPECT_EQ(read_hex("x.npy", kNpyScalar, takes(DType::kFloat, Shape{})), Lines{"x: float32[] 7"});
  EXPECT_EQ(read_hex("x.npy", kNpyScalar, takes(DType::kInt32, {-1})), Lines{"x: int32[1] 7"});
  Signature open = takes(DType::kFloat, Shape::unknown());
  EXPECT_EQ(read_hex("x.npy", kNpyFloat, open).size(), 3u);
}

TEST(Samples, AFloatVectorIsAWaveformForTheOnlyInput) {
  EXPECT_EQ(read_hex("x.npy", kNpyHalf, takes(DType::kFloat, {-1})), Lines{"x: float32[2] 1.5 -2"});
  EXPECT_EQ(read_hex("x.npy", kNpyBigInt16, takes(DType::kInt32, {-1})).size(), 3u);
}

TEST(Samples, KeepsAtMost64Probes) {
  EXPECT_EQ(
      read_one("x.npy", npy("|u1", "200,", std::string(200, '\1')), takes(DType::kInt32, {-1}))
          .size(),
      64u);
  const std::string some = npy("|u1", "40,", std::string(40, '\1'));
  EXPECT_EQ(
      show(read_samples({{"1.npy", some}, {"2.npy", some}}, takes(DType::kInt32, {-1}))).size(),
      64u);
}

TEST(Samples, ReadsEveryKindOfArray) {
  EXPECT_EQ(read_hex("x.npy", kNpyFortran, takes(DType::kInt32, {-1, 1, 3, 4})),
            (Lines{"x: int32[1,1,3,4] 0 1 2 3 4 5 6 7 8 9 10 11",
                   "x: int32[1,1,3,4] 12 13 14 15 16 17 18 19 20 21 22 23"}));
  EXPECT_EQ(read_hex("x.npy", kNpyBigDouble, takes(DType::kDouble, {2, 2})),
            Lines{"x: float64[2,2] 1.5 -2 3e+10 0.1"});
  EXPECT_EQ(read_hex("x.npy", kNpyBigDouble, takes(DType::kFloat, {2, 2})),
            Lines{"x: float32[2,2] 1.5 -2 3e+10 0.1"});
  EXPECT_EQ(read_hex("x.npy", kNpyInt64, takes(DType::kInt32, {2, 2})),
            Lines{"x: int32[2,2] 1 -2 3 4"});
  EXPECT_EQ(read_hex("x.npy", kNpyInt64, takes(DType::kFloat, {2, 2})),
            Lines{"x: float32[2,2] 1 -2 3 4"});
  EXPECT_EQ(read_hex("x.npy", kNpyBigInt16, takes(DType::kInt64, {3})),
            Lines{"x: int64[3] 1 -2 300"});
  EXPECT_EQ(read_hex("x.npy", kNpyBool, takes(DType::kBool, {2})), Lines{"x: bool[2] 01 00"});
  EXPECT_EQ(read_hex("x.npy", kNpyBool, takes(DType::kFloat, {2})), Lines{"x: float32[2] 1 0"});
  EXPECT_EQ(read_hex("x.npy", kNpyHalf, takes(DType::kHalf, {2})),
            Lines{"x: float16[2] 003e 00c0"});
  EXPECT_EQ(read_hex("x.npy", kNpyBytes, takes(DType::kString, {-1})),
            (Lines{"x: string[1] 'ab'", "x: string[1] 'c'"}));
  EXPECT_EQ(read_hex("x.npy", kNpyText, takes(DType::kString, {2})),
            Lines{"x: string[2] 'h\u00e9' '\u20ac\U0001f600'"});
  EXPECT_EQ(read_hex("x.npy", kNpyBigText, takes(DType::kString, {2})),
            Lines{"x: string[2] 'ab' 'c'"});
  EXPECT_EQ(read_hex("x.npy", kNpyComplex, takes(DType::kComplex128, {2})).size(), 1u);
}

TEST(Samples, NumbersMustFitTheInput) {
  const auto one = [](std::string_view descr, std::string_view hex, DType dtype) {
    return read_one("x.npy", npy(descr, "1,", from_hex(hex)), takes(dtype, {1}))[0];
  };
  EXPECT_EQ(
      one("<f8", "000000000000f83f", DType::kInt32),
      "invalid_argument: the input takes int32; element 0 is 1.5, in input x, in samples x.npy");
  EXPECT_EQ(one("<f4", "0000404000000000", DType::kInt32), "x: int32[1] 3");
  EXPECT_EQ(one("<f4", "0000c07f", DType::kInt64).substr(0, 16), "invalid_argument");
  EXPECT_EQ(one("<f8", "000000000000e043", DType::kInt64).substr(0, 16),
            "invalid_argument");  // 2^63
  EXPECT_EQ(one("<i8", "0000008000000000", DType::kInt32).substr(0, 16),
            "invalid_argument");  // 2^31
  EXPECT_EQ(one("<i8", "00000080ffffffff", DType::kInt32), "x: int32[1] -2147483648");
  EXPECT_EQ(one("<i8", "ffffffffffffffff", DType::kUint64).substr(0, 16), "invalid_argument");
  EXPECT_EQ(one("<u8", "ffffffffffffffff", DType::kInt64).substr(0, 16), "invalid_argument");
  EXPECT_EQ(one("<u8", "ffffffffffffffff", DType::kUint64), "x: uint64[1] ffffffffffffffff");
  EXPECT_EQ(one("|u1", "ff", DType::kInt8).substr(0, 16), "invalid_argument");
  EXPECT_EQ(one("|u1", "02", DType::kBool).substr(0, 16), "invalid_argument");
  EXPECT_EQ(one("|b1", "02", DType::kBool), "x: bool[1] 01");
  EXPECT_EQ(one("<V2", "803f", DType::kFloat), "x: float32[1] 1");
  EXPECT_EQ(one("<f4", "0000803f", DType::kBfloat16), "x: bfloat16[1] 803f");
  EXPECT_EQ(one("|S1", "61", DType::kFloat),
            "invalid_argument: the input takes float32 and the array holds string, in input x, in "
            "samples x.npy");
  EXPECT_EQ(one("<f4", "0000803f", DType::kString),
            "invalid_argument: the input takes string and the array holds float32, in input x, in "
            "samples x.npy");
  EXPECT_EQ(one("<f4", "0000803f", DType::kComplex64),
            "invalid_argument: the input takes complex64 and the array holds float32, in input x, "
            "in samples x.npy");
}

TEST(Samples, ArraysGoToTheInputsOfTheirNames) {
  const Signature two = signature_of(
      {{"x", input_of(DType::kFloat, {-1, 4})}, {"ids", input_of(DType::kInt32, {-1, 1})}});
  const Lines want = {"ids: int32[1,1] 1, x: float32[1,4] 0 1 2 3",
                      "ids: int32[1,1] 2, x: float32[1,4] 4 5 6 7",
                      "ids: int32[1,1] 3, x: float32[1,4] 8 9 10 11"};
  EXPECT_EQ(read_hex("both.npz", kNpzPacked, two), want);
  EXPECT_EQ(read_hex("x.npz", kNpzStored, takes(DType::kFloat, {-1, 4})).size(), 3u)
      << "labels are passed over";
  EXPECT_EQ(show(read_samples({{"d/x.npy", from_hex(kNpyFloat)},
                               {"d\\ids.npy", npy("<i4", "1,", from_hex("05000000"))}},
                              two)),
            (Lines{"ids: int32[1,1] 5, x: float32[1,4] 0 1 2 3",
                   "ids: int32[1,1] 5, x: float32[1,4] 4 5 6 7",
                   "ids: int32[1,1] 5, x: float32[1,4] 8 9 10 11"}));
  EXPECT_EQ(read_hex("y.npy", kNpyFloat, two),
            Lines{"invalid_argument: it has y; the inputs are ids, x, in samples y.npy"});
  EXPECT_EQ(read_hex("x.npy", kNpyFloat, two),
            Lines{"invalid_argument: nothing is there for the input ids, in samples"});
  EXPECT_EQ(show(read_samples({{"x.npy", from_hex(kNpyFloat)},
                               {"ids.npy", npy("<i2", "2,1", from_hex("05000000"))}},
                              two)),
            Lines{"invalid_argument: the input ids has 2 probes and another has 3, in samples"});
  EXPECT_EQ(read_hex("b.npz", kNpzPacked, signature_of({{"a", input_of(DType::kFloat, {-1})}})),
            Lines{"invalid_argument: it has x, ids; the inputs are a, in samples b.npz"});
}

TEST(Samples, NoFilesGiveNoProbes) {
  const Result<SampleSet> none = read_samples({}, takes(DType::kFloat, {-1}));
  ASSERT_TRUE(none.ok());
  EXPECT_TRUE(none->probes.empty());
  EXPECT_EQ(none->source, "samples");
}

TEST(Samples, SaysWhatItDoesNotRead) {
  const Signature s = takes(DType::kFloat, {-1, 4});
  EXPECT_EQ(read_hex("x.npy", kNpyObject, s),
            Lines{"unsupported: it holds pickled objects, which are never read: save plain numbers "
                  "or strings, in samples x.npy"});
  EXPECT_EQ(read_hex("x.npy", kNpyRecord, s),
            Lines{"unsupported: it holds records; only plain arrays are read, in samples x.npy"});
  EXPECT_EQ(read_hex("x.npy", kNpyDate, s)[0].substr(0, 11), "unsupported");
  EXPECT_EQ(read_hex("x.npy", kNpyEmpty, s),
            Lines{"invalid_argument: the input takes [?,4] and the array is [0,4], in input x, in "
                  "samples x.npy"});
  EXPECT_EQ(
      read_one("x.txt", "1", s),
      Lines{"invalid_argument: samples are .npz, .npy, .json or .png files, in samples x.txt"});
  EXPECT_EQ(read_one("x.npy", "hello, this is text", s),
            Lines{"invalid_argument: it is no .npy file, in samples x.npy"});
  EXPECT_EQ(read_one("x.npz", "hello, this is text", s),
            Lines{"invalid_argument: it is no zip, or it ends too early, in samples x.npz"});
  EXPECT_EQ(
      read_hex("x.npy", kNpyFloat, signature_of({})),
      Lines{"invalid_argument: the signature has no input that takes an array, in samples x.npy"});
}

TEST(Samples, HeadersThatPromiseTooMuchAreRefused) {
  const Signature s = takes(DType::kFloat, Shape::unknown());
  for (const char* shape : {"1000000000000,", "4611686018427387904,4", "-1,",
                            "9999999999999999999999,", "3,4", "1.5,"}) {
    EXPECT_EQ(read_one("x.npy", npy("<f4", shape, "abcd"), s)[0].substr(0, 16), "invalid_argument")
        << shape;
  }
  for (const char* descr : {"|S0", "<U0", "<U4000000000", "|S99999999", "<f3", "", "<", "<f"}) {
    EXPECT_NE(
        read_one("x.npy", npy(descr, "1000000,", "abcd"), takes(DType::kString, {-1}))[0].substr(0,
                                                                                                 1),
        "x")
        << descr;
  }
  std::string deep;
  for (int k = 0; k < 300; ++k) deep += "1,";
  const std::string header =
      cat("{'descr': '<f4', 'fortran_order': True, 'shape': (", deep, "), }\n");
  const std::string file = cat("\x93NUMPY", '\x02', '\0', static_cast<char>(header.size() & 255),
                               static_cast<char>(header.size() >> 8), '\0', '\0', header, "abcd");
  EXPECT_EQ(read_one("x.npy", file, s),
            Lines{"invalid_argument: its header is not one of an .npy file, in samples x.npy"});
}

// Every prefix, and bytes that flip: an answer or an error, no crash; nothing is read past a cut.
void expect_sturdy(const std::string& path, std::string_view hex, const Signature& s) {
  const std::string whole = from_hex(hex);
  ASSERT_EQ(read_one(path, whole, s)[0].find("samples"), std::string::npos)
      << read_one(path, whole, s)[0];
  for (size_t n = 0; n < whole.size(); ++n) {
    EXPECT_NE(read_one(path, whole.substr(0, n), s)[0].find("samples"), std::string::npos)
        << path << " cut at " << n;
  }
  Random random(whole.size());
  for (int k = 0; k < 2000; ++k) {
    std::string broken = whole;
    for (uint64_t flips = 1 + random.below(3); flips > 0; --flips) {
      broken[static_cast<size_t>(random.below(broken.size()))] = static_cast<char>(random.next());
    }
    (void)read_one(path, broken, s);
  }
}

TEST(Samples, CutAndBrokenFilesGiveErrors) {
  expect_sturdy("x.npy", kNpyFloat, takes(DType::kFloat, {-1, 4}));
  expect_sturdy("x.npy", kNpyFloatV2, takes(DType::kFloat, {-1, 4}));
  expect_sturdy("x.npy", kNpyFortran, takes(DType::kInt32, {-1, 1, 3, 4}));
  expect_sturdy("x.npy", kNpyText, takes(DType::kString, {-1}));
  expect_sturdy("x.npz", kNpzStored, takes(DType::kFloat, {-1, 4}));
  expect_sturdy("x.npz", kNpzPacked, takes(DType::kFloat, {-1, 4}));
}

TEST(Samples, AMemberThatUnpacksToTooMuchIsRefused) {
  std::string zip = from_hex(kNpzPacked);
  const size_t entry = zip.find("PK\x01\x02");
  for (size_t k = 0; k < 4; ++k) zip[entry + 24 + k] = k == 3 ? '\x20' : '\0';  // size: 512 MB
  EXPECT_EQ(read_one("x.npz", zip, takes(DType::kFloat, {-1, 4})),
            Lines{"limit: the samples take more than 256 MB, in array x, in samples x.npz"});
  zip = from_hex(kNpzPacked);
  zip[entry + 24] = '\x10';
  EXPECT_EQ(read_one("x.npz", zip, takes(DType::kFloat, {-1, 4}))[0].substr(0, 6), "limit:");
}

}  // namespace
}  // namespace whittle
