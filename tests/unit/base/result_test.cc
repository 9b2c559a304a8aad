#include "whittle/result.h"

#include <gtest/gtest.h>

#include "whittle/buffer.h"
#include "whittle/context.h"
#include "whittle/text.h"

namespace whittle {
namespace {

Result<int> half_of(int n) {
  if (n % 2 != 0) return invalid_argument(cat(n, " is odd"));
  return n / 2;
}

Result<int> quarter_of(int n) {
  WHITTLE_ASSIGN_IN(const int half, half_of(n), "the first half");
  WHITTLE_ASSIGN_IN(const int quarter, half_of(half), "the second half");
  return quarter;
}

TEST(Result, CarriesValuesAndPlaces) {
  EXPECT_EQ(quarter_of(8).value(), 2);
  const Result<int> failed = quarter_of(6);
  ASSERT_FALSE(failed.ok());
  EXPECT_EQ(failed.error().to_string(), "invalid_argument: 3 is odd, in the second half");
}

TEST(Error, ShowsPlacesFromTheInsideOut) {
  const Error e = corrupt("footer too short (12 of 48 bytes)").in("variables.index").in("model.zip");
  EXPECT_EQ(e.to_string(),
            "corrupt: footer too short (12 of 48 bytes), in variables.index, in model.zip");
}

TEST(Buffer, IsZeroedAlignedAndPolite) {
  for (const uint64_t size : {0, 1, 15, 16, 1000}) {
    Result<std::shared_ptr<Buffer>> buffer = Buffer::make(size);
    ASSERT_TRUE(buffer.ok());
    EXPECT_EQ((*buffer)->size(), size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>((*buffer)->data()) % 16, 0u);
    for (const uint8_t b : (*buffer)->span()) EXPECT_EQ(b, 0);
  }
  for (const uint64_t size : {uint64_t{1} << 41, uint64_t{1} << 60, UINT64_MAX}) {
    Result<std::shared_ptr<Buffer>> buffer = Buffer::make(size);
    ASSERT_FALSE(buffer.ok());
    EXPECT_EQ(buffer.error().code, Code::kLimit);
  }
}

TEST(Context, KeepsEqualWarningsOnceAndOnlyAThousand) {
  Context ctx;
  ctx.warn("a");
  ctx.warn("b");
  ctx.warn("a");
  EXPECT_EQ(ctx.warnings(), (std::vector<std::string>{"a", "b"}));
  for (int i = 0; i < 2000; ++i) ctx.warn(cat(i));
  EXPECT_EQ(ctx.warnings().size(), 1000u);
}

TEST(Context, TurnsTheCallersWishIntoAnError) {
  Context ctx;
  EXPECT_TRUE(ctx.check_cancelled().ok());
  ctx.set_cancel([] { return true; });
  EXPECT_EQ(ctx.check_cancelled().error().code, Code::kCancelled);
}

}  // namespace
}  // namespace whittle
