// quantize_weights and round_weights against what the real tool made (TensorFlow 1.15.5).
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <set>
#include <string>

#include "quant/kernel_inputs.h"
#include "quant/kernels.h"
#include "support/bytes.h"
#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle::quant {
namespace {

constexpr std::string_view kGoldens =
#include "classic_goldens.inc"
    ;

struct Golden {
  std::string name;
  bool quantize = true;
  std::vector<float> values, range, rounded;
  std::string codes;
  int64_t steps = 0;
};

std::vector<float> floats_of(std::string_view text) {
  std::vector<float> out;
  for (std::string_view word : split(text, ' '))
    out.push_back(float_of(static_cast<uint32_t>(std::stoul(std::string(word), nullptr, 16))));
  return out;
}

std::vector<Golden> goldens() {
  std::vector<Golden> all;
  for (std::string_view line : split(kGoldens, '\n')) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos) continue;
    const std::string_view key = line.substr(0, space), rest = line.substr(space + 1);
    if (key == "quantize" || key == "round") {
      all.push_back({});
      all.back().name = std::string(rest);
      all.back().quantize = key == "quantize";
    } else if (all.empty()) {
      continue;  // the first line says where the file comes from
    } else if (key == "values") {
      all.back().values = floats_of(rest);
    } else if (key == "range") {
      all.back().range = floats_of(rest);
    } else if (key == "codes") {
      all.back().codes = std::string(rest);
    } else if (key == "steps") {
      EXPECT_TRUE(parse_int64(rest, &all.back().steps));
    } else if (key == "rounded") {
      all.back().rounded = floats_of(rest);
    }
  }
  return all;
}

std::string codes_hex(const std::vector<float>& x, float min, float max) {
  std::vector<uint8_t> codes(x.size());
  kernels().quint8_encode(x.data(), x.size(), quint8_params(min, max), codes.data());
  return to_hex(codes);
}

QuantizeRange range_of(const std::vector<float>& x) {
  FloatRange r;
  kernels().range(x.data(), x.size(), &r);
  return quantize_weights_range(r.min, r.max);
}

TEST(QuantizeWeightsGoldens, EveryCodeIsTheTools) {
  size_t seen = 0;
  for (const Golden& g : goldens()) {
    if (!g.quantize) continue;
    ++seen;
    EXPECT_EQ(codes_hex(g.values, g.range[0], g.range[1]), g.codes) << g.name;
  }
  EXPECT_EQ(seen, 16u);
}

TEST(QuantizeWeightsGoldens, RangesAreTheToolsButWhereItsMaximumWasWrong) {
  // Nothing above zero: the tool's maximum stays at the smallest positive float.
  const std::set<std::string> corrected = {"qw_all_negative/w", "qw_constant_neg/w",
                                           "qw_upstream_test2/input_op"};
  // Zeros, or so small that the tool's result decodes to NaN.
  const std::set<std::string> zeros = {"qw_all_zero/w", "qw_all_nan/w", "qw_tiny_values/w"};
  for (const Golden& g : goldens()) {
    if (!g.quantize) continue;
    const QuantizeRange r = range_of(g.values);
    if (zeros.count(g.name)) {
      EXPECT_EQ(r.min, 0.0f) << g.name;
      EXPECT_EQ(r.max, 1.0f) << g.name;
      EXPECT_EQ(codes_hex(g.values, r.min, r.max), std::string(g.values.size() * 2, '0')) << g.name;
      continue;
    }
    EXPECT_EQ(r.min, g.range[0]) << g.name;
    EXPECT_EQ(r.max, corrected.count(g.name) ? 0.0f : g.range[1]) << g.name;
    if (corrected.count(g.name)) { EXPECT_EQ(g.range[1], FLT_MIN) << g.name; }
    EXPECT_EQ(codes_hex(g.values, r.min, r.max), g.codes) << g.name;
  }
}

// The tool's own range, its wrong start of the maximum included.
QuantizeRange tools_round_range(const std::vector<float>& x) {
  QuantizeRange r{FLT_MAX, FLT_MIN};
  for (const float v : x) {
    r.min = std::min(r.min, v);
    r.max = std::max(r.max, v);
  }
  if (r.min == r.max) {
    if (std::fabs(r.min) < 1e-6f)
      r.max = r.min + 1;
    else if (r.min > 0)
      r.max = 2 * r.min;
    else
      r.min = 2 * r.max;
  }
  return r;
}

TEST(RoundWeightsGoldens, EveryValueIsTheTools) {
  size_t seen = 0;
  for (const Golden& g : goldens()) {
    if (g.quantize) continue;
    ++seen;
    const QuantizeRange r = tools_round_range(g.values);
    const RoundParams p{r.min, (r.max - r.min) / static_cast<float>(g.steps)};
    std::vector<float> out(g.values.size());
    kernels().round_weights(g.values.data(), g.values.size(), p, out.data());
    for (size_t i = 0; i < out.size(); ++i) {
      if (std::isnan(g.rounded[i])) {
        EXPECT_TRUE(std::isnan(out[i])) << g.name << " " << i;
      } else {
        EXPECT_EQ(bit_cast<uint32_t>(out[i]), bit_cast<uint32_t>(g.rounded[i]))
            << g.name << " " << i;
      }
    }
  }
  EXPECT_EQ(seen, 18u);
}

// graph-transforms.md §6.17 and §6.25, the upstream unit tests.
TEST(ClassicTables, CodesOfTheUpstreamTests) {
  EXPECT_EQ(codes_hex({1, 2, 3, 4, 0.1f, 0.2f, 0.3f, 0.4f}, 0, 4), "4080bfff060d131a");
  EXPECT_EQ(codes_hex({-1, -4, -2, -5}, -5, 0), "cc339900");
}

TEST(ClassicTables, DecodedValuesOfTheUpstreamTest) {
  const uint8_t codes[] = {64, 128, 191, 255, 6, 13, 19, 26};
  const float expected[] = {1.00392163f,   2.00784326f,  2.99607849f,  4,
                            0.0941176564f, 0.203921586f, 0.298039228f, 0.407843173f};
  float out[8];
  kernels().quint8_decode(codes, 8, quint8_decoding(0, 4), out);
  for (int i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(out[i], expected[i]);
}

TEST(ClassicTables, ZeroDecodesToZero) {
  const Quint8Decoding d = quint8_decoding(-6, 6);
  const float x[] = {-6, 0, 1, 6};
  uint8_t codes[4];
  kernels().quint8_encode(x, 4, quint8_params(-6, 6), codes);
  EXPECT_EQ(codes[0], 0);
  EXPECT_EQ(codes[2], 149);
  float out[4];
  kernels().quint8_decode(codes, 4, d, out);
  EXPECT_EQ(out[1], 0.0f);
  EXPECT_FLOAT_EQ(out[0], -6.02352953f);
  EXPECT_FLOAT_EQ(out[2], 0.988235474f);
  EXPECT_FLOAT_EQ(out[3], 5.97647047f);
}

TEST(ClassicTables, RoundedValuesOfTheUpstreamTest) {
  const std::vector<float> x = {1, 2, 3, 4, 0.1f, 0.2f, 0.3f, 0.4f};
  const float expected[] = {1.00644529f,  1.99667978f, 3.00214839f,  4.00761747f,
                            0.107617192f, 0.19902344f, 0.305664062f, 0.397070318f};
  const RoundParams p{0.1f, (4.0f - 0.1f) / 256};
  float out[8];
  kernels().round_weights(x.data(), 8, p, out);
  for (int i = 0; i < 8; ++i) EXPECT_FLOAT_EQ(out[i], expected[i]);
}

}  // namespace
}  // namespace whittle::quant
