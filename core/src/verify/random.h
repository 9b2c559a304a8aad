// random.h: numbers for made-up inputs (splitmix64): by name and number of the probe, the same everywhere.
#ifndef WHITTLE_VERIFY_RANDOM_H_
#define WHITTLE_VERIFY_RANDOM_H_

#include <cstdint>
#include <string_view>

namespace whittle::verify {

class Random {
 public:
  Random(std::string_view name, uint64_t probe) : state_(0x9e3779b97f4a7c15u * (probe + 1)) {
    for (char c : name) state_ = (state_ ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  }
  uint64_t bits() {
    uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  uint64_t below(uint64_t n) { return bits() % n; }
  double unit() { return static_cast<double>(bits() >> 11) / 9007199254740992.0; }
  // Sum of four uniforms: mean 0, variance 1, within ±3.5.
  double normal() { return (unit() + unit() + unit() + unit() - 2) * 1.7320508; }

 private:
  uint64_t state_;
};

}  // namespace whittle::verify

#endif  // WHITTLE_VERIFY_RANDOM_H_
