// random.h: the same "random" numbers on every target (splitmix64; std distributions differ).
#ifndef WHITTLE_TESTS_SUPPORT_RANDOM_H_
#define WHITTLE_TESTS_SUPPORT_RANDOM_H_

#include <cstdint>
#include <vector>

namespace whittle {

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  uint64_t below(uint64_t n) { return next() % n; }  // n > 0
  std::vector<uint8_t> bytes(size_t n) {
    std::vector<uint8_t> out(n);
    for (uint8_t& b : out) b = static_cast<uint8_t>(next());
    return out;
  }

 private:
  uint64_t state_;
};

}  // namespace whittle

#endif  // WHITTLE_TESTS_SUPPORT_RANDOM_H_
