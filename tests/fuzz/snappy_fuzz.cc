// The snappy decompressor on any bytes: within the bound it was given.
#include <cstdlib>

#include "format/bundle_builder.h"
#include "fuzz.h"
#include "whittle/snappy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr uint64_t kMaxSize = 1 << 20;
  const auto out = whittle::snappy_decompress({data, size}, kMaxSize);
  if (out.ok() && (*out)->size() > kMaxSize) std::abort();
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {whittle::snappy_block(""), whittle::snappy_block("layer/kernel layer/bias"),
          whittle::snappy_block(std::string(1000, 'x')),
          whittle::from_hex("08 0c 61626364 01 04"), whittle::from_hex("07 08 616263 0e 0300"),
          whittle::from_hex("05 00 7a 0f 01000000"), whittle::from_hex("3d f0 3c") + std::string(61, 'q')};
}
