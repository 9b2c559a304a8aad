// fuzz.h: what a fuzz target defines.
//
//   LLVMFuzzerTestOneInput  as libFuzzer calls it
//   fuzz_seeds              inputs to start from, so that a target needs no files
//
// driver.cc runs the seeds, the files it is given, and a number of seeded mutations of them: the same
// ones on every machine. A target compiles with clang's -fsanitize=fuzzer in its place.
#ifndef WHITTLE_TESTS_FUZZ_FUZZ_H_
#define WHITTLE_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
std::vector<std::string> fuzz_seeds();

#endif  // WHITTLE_TESTS_FUZZ_FUZZ_H_
