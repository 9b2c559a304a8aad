#include "whittle/byte_cache.h"

#include <gtest/gtest.h>

#include "support/bytes.h"

namespace whittle {
namespace {

constexpr FileId kA = FileId(0);
constexpr FileId kB = FileId(1);

std::string fetched(BlockCache& cache, FileRange range) {
  Result<std::span<const uint8_t>> bytes = cache.fetch(range);
  if (!bytes.ok()) return std::string(code_name(bytes.error().code));
  return std::string(bytes->begin(), bytes->end());
}

std::string ranges(const std::vector<FileRange>& list) {
  std::string out;
  for (const FileRange& r : list) {
    out += std::to_string(static_cast<uint32_t>(r.file)) + ":" + std::to_string(r.offset) + "+" +
           std::to_string(r.length) + " ";
  }
  return out;
}

TEST(BlockCache, AsksForWhatItLacksAndAnswersOnceItHasIt) {
  BlockCache cache({{"a", 100}, {"b", 10}});
  EXPECT_EQ(fetched(cache, {kA, 10, 5}), "need_bytes");
  EXPECT_EQ(ranges(cache.take_missing()), "0:10+5 ");
  EXPECT_EQ(ranges(cache.take_missing()), "");
  ASSERT_TRUE(cache.provide({kA, 10, 5}, bytes_of("hello")).ok());
  EXPECT_EQ(fetched(cache, {kA, 10, 5}), "hello");
  EXPECT_EQ(fetched(cache, {kA, 11, 3}), "ell");
  EXPECT_EQ(fetched(cache, {kA, 11, 5}), "need_bytes");
  EXPECT_EQ(fetched(cache, {kB, 10, 0}), "");
  EXPECT_EQ(cache.bytes_held(), 5u);
  cache.evict(kA);
  EXPECT_EQ(fetched(cache, {kA, 10, 5}), "need_bytes");
  EXPECT_EQ(cache.bytes_held(), 0u);
}

TEST(BlockCache, JoinsRangesThatOverlapOrLieNear) {
  BlockCache cache({{"a", 1 << 20}, {"b", 10}});
  cache.want({kB, 0, 10});
  cache.want({kA, 100000, 10});
  cache.want({kA, 0, 10});
  cache.want({kA, 5, 10});
  cache.want({kA, 4000, 10});
  cache.want({kA, 0, 3});
  cache.want({kA, 1 << 20, 1});  // beyond the end: not asked for
  EXPECT_EQ(ranges(cache.take_missing()), "0:0+4010 0:100000+10 1:0+10 ");
}

TEST(BlockCache, AnswersFromTheBlockThatReachesFarthest) {
  BlockCache cache({{"a", 100}});
  ASSERT_TRUE(cache.provide({kA, 0, 10}, bytes_of("0123456789")).ok());
  ASSERT_TRUE(cache.provide({kA, 2, 3}, bytes_of("234")).ok());  // lies within the first
  EXPECT_EQ(fetched(cache, {kA, 3, 6}), "345678");
  EXPECT_EQ(cache.bytes_held(), 10u);
  ASSERT_TRUE(cache.provide({kA, 5, 10}, bytes_of("56789abcde")).ok());
  EXPECT_EQ(fetched(cache, {kA, 4, 6}), "456789");
  EXPECT_EQ(fetched(cache, {kA, 5, 10}), "56789abcde");
  ASSERT_TRUE(cache.provide({kA, 0, 16}, bytes_of("0123456789abcdef")).ok());  // covers both
  EXPECT_EQ(cache.bytes_held(), 16u);
  EXPECT_EQ(fetched(cache, {kA, 0, 16}), "0123456789abcdef");
}

TEST(BlockCache, RefusesRangesBeyondTheFile) {
  BlockCache cache({{"variables/variables.index", 100}});
  for (const FileRange range : {FileRange{kA, 99, 2}, FileRange{kA, 101, 0},
                                FileRange{kA, UINT64_MAX, 2}, FileRange{kA, 2, UINT64_MAX}}) {
    EXPECT_EQ(fetched(cache, range), "corrupt");
    EXPECT_FALSE(cache.provide(range, {}).ok());
  }
  EXPECT_EQ(cache.fetch({kA, 99, 2}).error().to_string(),
            "corrupt: bytes 99 + 2 lie beyond the end (100 bytes), in variables/variables.index");
  EXPECT_EQ(fetched(cache, {FileId(7), 0, 1}), "internal");
}

TEST(BlockCache, RefusesShortReads) {
  BlockCache cache({{"a", 100}});
  EXPECT_EQ(cache.provide({kA, 0, 10}, bytes_of("short")).error().to_string(),
            "io: read 5 of 10 bytes at byte 0, in a");
}

TEST(BlockCache, StaysWithinItsBudget) {
  BlockCache cache({{"a", 100}}, 16);
  EXPECT_EQ(fetched(cache, {kA, 0, 17}), "limit");
  ASSERT_TRUE(cache.provide({kA, 0, 10}, bytes_of("0123456789")).ok());
  EXPECT_EQ(cache.provide({kA, 20, 10}, bytes_of("0123456789")).error().code, Code::kLimit);
  cache.evict_all();
  EXPECT_TRUE(cache.provide({kA, 20, 10}, bytes_of("0123456789")).ok());
  cache.want({kA, 40, 10});
  cache.want({kA, 50, 10});
  EXPECT_EQ(ranges(cache.take_missing()), "0:40+10 0:50+10 ");  // joined they would not fit
}

}  // namespace
}  // namespace whittle
