// Warm-up requests of TensorFlow Serving as samples; TensorFlow wrote the records.
#include <gtest/gtest.h>

#include "support/random.h"
#include "verify/samples_fixture.h"

namespace whittle {
namespace {

#include "sample_bytes.inc"

// The proto itself as a string: decoding is another's business.
Result<Tensor> as_string(std::string_view proto) {
  if (proto.empty()) return corrupt("no tensor");
  return Tensor(Shape{}, std::vector<std::string>{std::string(proto)});
}

TEST(Warmup, ReadsPredictRequestsBySignature) {
  const auto sets = read_warmup(from_hex(kWarmup), as_string);
  ASSERT_TRUE(sets.ok()) << sets.error().to_string();
  ASSERT_EQ(sets->size(), 2u);
  const SampleSet& usual = sets->at("serving_default");
  EXPECT_EQ(usual.source, "warm-up requests");
  ASSERT_EQ(usual.probes.size(), 2u)
      << "classify and regress logs are passed over; no name means serving_default";
  EXPECT_EQ(usual.probes[0].at("x").strings()[0], from_hex(kWarmupTensor));
  ASSERT_EQ(sets->at("other").probes.size(), 1u);
  EXPECT_EQ(sets->at("other").probes[0].size(), 2u);
  EXPECT_TRUE(read_warmup("", as_string)->empty());
}

TEST(Warmup, CutAndBrokenFilesGiveErrors) {
  const std::string whole = from_hex(kWarmup);
  size_t good = 0;
  for (size_t n = 0; n < whole.size(); ++n)
    good += read_warmup(whole.substr(0, n), as_string).ok() ? 1 : 0;
  EXPECT_EQ(good, 5u) << "a file may end after each of its five records";
  Random random(5);
  for (int k = 0; k < 2000; ++k) {
    std::string broken = whole;
    broken[static_cast<size_t>(random.below(broken.size()))] ^=
        static_cast<char>(1 + random.below(255));
    const auto read = read_warmup(broken, as_string);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().code, Code::kInvalidArgument);
    EXPECT_EQ(read.error().where.back(), "tf_serving_warmup_requests");
  }
}

TEST(Warmup, ATensorThatCannotBeDecodedIsAnError) {
  const auto read = read_warmup(from_hex(kWarmup), [](std::string_view) -> Result<Tensor> {
    return corrupt("it has no dtype");
  });
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().to_string(),
            "invalid_argument: it has no dtype, in input x, in tf_serving_warmup_requests");
}

}  // namespace
}  // namespace whittle
