// driver.cc: runs a fuzz target without libFuzzer.
//
//   fuzz_snappy [-runs=N] [-seed=S] [FILE…]     default: 20000 runs, seed 1
//
// A crash or a sanitizer report ends the process; the input is in crash-input, written before each
// run only with -keep, which is slow.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fuzz.h"
#include "support/random.h"

namespace {

using whittle::Random;

std::string mutated(const std::vector<std::string>& corpus, Random& random) {
  std::string s = corpus[random.below(corpus.size())];
  constexpr uint64_t kNumbers[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffff,
                                   0x7fffffffffffffff, 0xfffffffffffffffd, 0xffffffffffffffff};
  for (uint64_t n = 1 + random.below(4); n > 0; --n) {
    const size_t at = random.below(s.size() + 1);
    const size_t left = s.size() - at;
    switch (random.below(8)) {
      case 0: if (left > 0) s[at] ^= static_cast<char>(1 << random.below(8)); break;
      case 1: if (left > 0) s[at] = static_cast<char>(random.next()); break;
      case 2: s.insert(at, 1, static_cast<char>(random.next())); break;
      case 3: s.erase(at, random.below(left < 8 ? left + 1 : 8)); break;
      case 4: s.resize(at); break;
      case 5: {  // part of another input
        const std::string& other = corpus[random.below(corpus.size())];
        const size_t from = random.below(other.size() + 1);
        s.insert(at, other.substr(from, random.below(32)));
        break;
      }
      case 6: {  // a fixed-width number
        const uint64_t value = kNumbers[random.below(std::size(kNumbers))];
        const size_t width = size_t{1} << random.below(4);
        for (size_t i = 0; i < width && at + i < s.size(); ++i) s[at + i] = static_cast<char>(value >> (8 * i));
        break;
      }
      case 7: {  // a varint
        uint64_t value = kNumbers[random.below(std::size(kNumbers))];
        std::string varint;
        for (; value >= 0x80; value >>= 7) varint.push_back(static_cast<char>(value | 0x80));
        varint.push_back(static_cast<char>(value));
        s.replace(at, left > 0 ? 1 : 0, varint);
        break;
      }
    }
  }
  return s;
}

void run(const std::string& input, bool keep) {
  if (keep) {
    if (std::FILE* file = std::fopen("crash-input", "wb")) {
      std::fwrite(input.data(), 1, input.size(), file);
      std::fclose(file);
    }
  }
  // A copy of just this size, so that AddressSanitizer sees a read beyond it.
  uint8_t* exact = static_cast<uint8_t*>(std::malloc(input.size() + 1));
  std::memcpy(exact + 1, input.data(), input.size());
  LLVMFuzzerTestOneInput(exact + 1, input.size());
  std::free(exact);
}

}  // namespace

int main(int argc, char** argv) {
  uint64_t runs = 20000, seed = 1;
  bool keep = false;
  std::vector<std::string> corpus = fuzz_seeds();
  for (int i = 1; i < argc; ++i) {
    if (std::strncmp(argv[i], "-runs=", 6) == 0) {
      runs = std::strtoull(argv[i] + 6, nullptr, 10);
    } else if (std::strncmp(argv[i], "-seed=", 6) == 0) {
      seed = std::strtoull(argv[i] + 6, nullptr, 10);
    } else if (std::strcmp(argv[i], "-keep") == 0) {
      keep = true;
    } else if (std::FILE* file = std::fopen(argv[i], "rb")) {
      std::string content;
      char buffer[65536];
      for (size_t n; (n = std::fread(buffer, 1, sizeof(buffer), file)) > 0;) content.append(buffer, n);
      std::fclose(file);
      corpus.push_back(content);
    } else {
      std::fprintf(stderr, "%s: cannot open %s\n", argv[0], argv[i]);
      return 2;
    }
  }
  for (const std::string& input : corpus) run(input, keep);
  Random random(seed);
  for (uint64_t i = 0; i < runs; ++i) run(mutated(corpus, random), keep);
  std::printf("%zu seeds and %llu mutations of seed %llu: no crash\n", corpus.size(),
              static_cast<unsigned long long>(runs), static_cast<unsigned long long>(seed));
  return 0;
}
