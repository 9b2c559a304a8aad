// parsed.h: protobuf's own parser judges what Whittle writes: the messages of core/proto, compiled by
// protoc, know nothing of our wire reader and writer.
#ifndef WHITTLE_TESTS_FORMAT_PARSED_H_
#define WHITTLE_TESTS_FORMAT_PARSED_H_

#include <gtest/gtest.h>

#include <string_view>

#include "graph.pb.h"
#include "saved_model.pb.h"

namespace whittle {

template <class Message>
Message parsed(std::string_view bytes) {
  Message out;
  if (!bytes.empty()) {
    EXPECT_TRUE(out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  }
  return out;
}

}  // namespace whittle

#endif  // WHITTLE_TESTS_FORMAT_PARSED_H_
