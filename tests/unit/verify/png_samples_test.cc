// Pictures as samples.
#include <gtest/gtest.h>

#include <cmath>

#include "support/random.h"
#include "verify/png.h"
#include "verify/samples_fixture.h"
#include "whittle/crc32.h"

namespace whittle {
namespace {

#include "sample_bytes.inc"

std::string pixels_of(std::string_view png) {
  verify::Allowance allowance;
  const Result<Tensor> t = verify::read_png(from_hex(png), allowance);
  return t.ok() ? cat(t->shape().to_string(), " ", to_hex(t->bytes())) : t.error().to_string();
}

Result<SampleSet> read(std::string_view png, const Signature& s) {
  return read_samples({{"a.png", from_hex(png)}}, s);
}

Tensor picture(std::string_view png, DType dtype, Shape shape) {
  const Result<SampleSet> set = read(png, takes(dtype, std::move(shape)));
  EXPECT_TRUE(set.ok()) << show(set)[0];
  return set.ok() ? set->probes[0].at("x") : Tensor();
}

TEST(PngSamples, DecodesWhatTensorFlowDecodes) {
  EXPECT_EQ(pixels_of(kPngGrey), cat("[6,5,1] ", kPixelsGrey));
  EXPECT_EQ(pixels_of(kPngRgb), cat("[6,5,3] ", kPixelsRgb));
  EXPECT_EQ(pixels_of(kPngRgba), cat("[6,5,4] ", kPixelsRgba));
  EXPECT_EQ(pixels_of(kPngGreyAlpha), cat("[6,5,4] ", kPixelsGreyAlpha));
  EXPECT_EQ(pixels_of(kPngPalette), cat("[6,5,3] ", kPixelsPalette));
  EXPECT_EQ(pixels_of(kPngPalette2), cat("[6,5,3] ", kPixelsPalette2));
  EXPECT_EQ(pixels_of(kPngPaletteClear), cat("[6,5,4] ", kPixelsPaletteClear));
  EXPECT_EQ(pixels_of(kPngGrey2), cat("[6,5,1] ", kPixelsGrey2));
}

TEST(PngSamples, BytesStayAndFloatsRunFromZeroToOne) {
  const std::string pixels = from_hex(kPixelsRgb);
  EXPECT_EQ(to_hex(picture(kPngRgb, DType::kUint8, {-1, -1, -1, 3}).bytes()), kPixelsRgb);
  const Tensor floats = picture(kPngRgb, DType::kFloat, {-1, 6, 5, 3});
  ASSERT_EQ(floats.shape(), (Shape{1, 6, 5, 3}));
  for (size_t i = 0; i < floats.elements(); ++i) {
    EXPECT_EQ(floats.values<float>()[i], static_cast<float>(static_cast<uint8_t>(pixels[i])) / 255);
  }
  EXPECT_EQ(picture(kPngRgb, DType::kInt32, {1, 6, 5, 3}).values<int32_t>()[1],
            static_cast<uint8_t>(pixels[1]));
}

TEST(PngSamples, ResizesAsTensorFlowDoes) {
  const Tensor t = picture(kPngRgb, DType::kDouble, {-1, 3, 8, 3});
  const std::string want = from_hex(kResized);
  ASSERT_EQ(t.elements() * 4, want.size());
  for (size_t i = 0; i < t.elements(); ++i) {
    float w;
    std::memcpy(&w, want.data() + 4 * i, 4);
    EXPECT_NEAR(t.values<double>()[i] * 255, static_cast<double>(w), 1e-4) << i;
  }
}

TEST(PngSamples, ChannelsBecomeThoseOfTheInput) {
  const std::string rgba = from_hex(kPixelsRgba), grey = from_hex(kPixelsGrey);
  const Tensor rgb = picture(kPngRgba, DType::kUint8, {-1, 6, 5, 3});
  EXPECT_EQ(rgb.bytes()[4], static_cast<uint8_t>(rgba[5]));
  const Tensor three = picture(kPngGrey, DType::kUint8, {-1, 6, 5, 3});
  EXPECT_EQ(three.bytes()[3], static_cast<uint8_t>(grey[1]));
  EXPECT_EQ(three.bytes()[5], static_cast<uint8_t>(grey[1]));
  const Tensor one = picture(kPngRgba, DType::kUint8, {-1, 6, 5, 1});
  EXPECT_NEAR(one.bytes()[0],
              0.299 * static_cast<uint8_t>(rgba[0]) + 0.587 * static_cast<uint8_t>(rgba[1]) +
                  0.114 * static_cast<uint8_t>(rgba[2]),
              0.51);
  const Tensor four = picture(kPngGrey, DType::kUint8, {-1, 6, 5, 4});
  EXPECT_EQ(four.bytes()[3], 255);
  EXPECT_EQ(picture(kPngRgba, DType::kUint8, {-1, 6, 5, -1}).shape(), (Shape{1, 6, 5, 3}));
}

TEST(PngSamples, FollowsTheAxesOfTheInput) {
  const std::string rgb = from_hex(kPixelsRgb);
  const Tensor planes = picture(kPngRgb, DType::kUint8, {1, 3, 6, 5});
  ASSERT_EQ(planes.shape(), (Shape{1, 3, 6, 5}));
  EXPECT_EQ(planes.bytes()[30 + 7], static_cast<uint8_t>(rgb[3 * 7 + 1]));
  EXPECT_EQ(picture(kPngRgb, DType::kUint8, {-1, -1, 3}).shape(), (Shape{6, 5, 3}));
  EXPECT_EQ(picture(kPngGrey, DType::kFloat, {-1, 6, 5}).shape(), (Shape{1, 6, 5}));
  const Tensor twice = picture(kPngGrey, DType::kUint8, {2, 6, 5, 1});
  EXPECT_EQ(to_hex(twice.bytes()), cat(kPixelsGrey, kPixelsGrey));
  EXPECT_EQ(picture(kPngGrey, DType::kFloat, Shape::unknown()).shape(), (Shape{1, 6, 5, 1}));
  EXPECT_EQ(picture(kPngGrey, DType::kString, {-1}).strings()[0], from_hex(kPngGrey))
      << "a string input gets the file";
}

TEST(PngSamples, SeveralFilesAreSeveralProbesOfTheInputForPictures) {
  const Signature s = signature_of({{"image", input_of(DType::kUint8, {-1, -1, -1, 1})},
                                    {"keep", input_of(DType::kFloat, Shape{})}});
  const Result<SampleSet> set = read_samples({{"1.png", from_hex(kPngGrey)},
                                              {"2.PNG", from_hex(kPngGrey2)},
                                              {"keep.json", R"({"keep": 1})"}},
                                             s);
  ASSERT_TRUE(set.ok()) << show(set)[0];
  ASSERT_EQ(set->probes.size(), 2u);
  EXPECT_EQ(to_hex(set->probes[1].at("image").bytes()), kPixelsGrey2);
  EXPECT_EQ(set->probes[1].at("keep").values<float>()[0], 1);
}

TEST(PngSamples, SaysWhatItDoesNotRead) {
  const Signature s = takes(DType::kFloat, {-1, 6, 5, 3});
  EXPECT_EQ(show(read(kPngInterlaced, s)),
            Lines{"unsupported: the picture is interlaced: save it without, in samples a.png"});
  EXPECT_EQ(
      show(read(kPng16, s)),
      Lines{"unsupported: the picture has 16 bits a channel: save it with 8, in samples a.png"});
  EXPECT_EQ(read_one("a.png", "GIF89a", s),
            Lines{"invalid_argument: it is no PNG, in samples a.png"});
  EXPECT_EQ(show(read(kPngRgb, takes(DType::kFloat, {-1, 5}))),
            Lines{"invalid_argument: the input takes [?,5], which is no picture, in input x, in "
                  "samples a.png"});
  EXPECT_EQ(show(read(kPngRgb, takes(DType::kFloat, {-1, 6, 5, 7}))),
            Lines{"invalid_argument: the input takes 7 channels; pictures have 1, 3 or 4, in input "
                  "x, in samples a.png"});
  EXPECT_EQ(show(read(kPngRgb, takes(DType::kBool, {-1, 6, 5, 3})))[0].substr(0, 16),
            "invalid_argument");
  EXPECT_EQ(show(read(kPngRgb, takes(DType::kFloat, {-1, 1 << 30, 1, 3})))[0].substr(0, 6),
            "limit:");
  EXPECT_EQ(show(read(kPngRgb, takes(DType::kFloat, {1 << 20, 6000, 6000, 3})))[0].substr(0, 6),
            "limit:");
  const Signature two = signature_of({{"a", input_of(DType::kFloat, {-1, 6, 5, 3})},
                                      {"b", input_of(DType::kFloat, {-1, 6, 5, 3})}});
  EXPECT_EQ(
      show(read(kPngRgb, two)),
      Lines{"invalid_argument: several inputs take pictures: give an .npz, in samples a.png"});
}

// The file with right checksums, however its chunks were changed.
std::string with_checksums(std::string png) {
  for (size_t at = 8; at + 12 <= png.size();) {
    uint64_t size = 0;
    for (size_t k = 0; k < 4; ++k) size = size << 8 | static_cast<uint8_t>(png[at + k]);
    if (size > png.size() - at - 12) break;
    const size_t n = static_cast<size_t>(size);
    const uint32_t crc = crc32(0, bytes_of(std::string_view(png).substr(at + 4, n + 4)));
    for (size_t k = 0; k < 4; ++k) png[at + 8 + n + k] = static_cast<char>(crc >> (24 - 8 * k));
    at += 12 + n;
  }
  return png;
}

TEST(PngSamples, BrokenChunksWithRightChecksumsDoNoHarm) {
  for (std::string_view hex : {kPngRgb, kPngPaletteClear, kPngPalette2, kPngGrey2, kPngGreyAlpha}) {
    const std::string whole = from_hex(hex);
    ASSERT_EQ(with_checksums(whole), whole);
    Random random(whole.size());
    for (int k = 0; k < 3000; ++k) {
      std::string broken = whole;
      broken[static_cast<size_t>(random.below(broken.size()))] ^=
          static_cast<char>(1 + random.below(255));
      verify::Allowance allowance;
      (void)verify::read_png(with_checksums(broken), allowance);
    }
  }
}

TEST(PngSamples, CutAndBrokenFilesGiveErrors) {
  for (std::string_view hex : {kPngRgb, kPngPaletteClear, kPngGrey2, kPngGreyAlpha}) {
    const std::string whole = from_hex(hex);
    verify::Allowance allowance;
    for (size_t n = 0; n < whole.size(); ++n)
      EXPECT_FALSE(verify::read_png(whole.substr(0, n), allowance).ok()) << n;
    Random random(whole.size());
    for (int k = 0; k < 2000; ++k) {
      std::string broken = whole;
      broken[static_cast<size_t>(random.below(broken.size()))] ^=
          static_cast<char>(1 + random.below(255));
      EXPECT_FALSE(verify::read_png(broken, allowance).ok());
    }
  }
}

}  // namespace
}  // namespace whittle
