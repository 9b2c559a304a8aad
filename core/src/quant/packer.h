// packer.h: numbers and lists as bytes, for descriptors and results that cross a worker border.
//
// Fixed-width little-endian numbers, lists with their counts in front. The layout is private to one
// version of Whittle, for both ends are always the same build.
#ifndef WHITTLE_QUANT_PACKER_H_
#define WHITTLE_QUANT_PACKER_H_

#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace whittle::quant {

class Packer {
 public:
  template <class T>
  void put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    put_bytes(&value, sizeof(value));
  }
  void put_bytes(const void* data, size_t n) {
    const uint8_t* p = static_cast<const uint8_t*>(data);
    out_.insert(out_.end(), p, p + n);
  }
  template <class T>
  void put_list(const std::vector<T>& values) {
    put(static_cast<uint32_t>(values.size()));
    put_bytes(values.data(), values.size() * sizeof(T));
  }
  std::vector<uint8_t> done() { return std::move(out_); }

 private:
  std::vector<uint8_t> out_;
};

// Reads what Packer wrote. Reading past the end gives zeros and makes ok() false for good.
class Unpacker {
 public:
  explicit Unpacker(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  template <class T>
  T get() {
    T value{};
    if (take(sizeof(T))) std::memcpy(&value, taken_, sizeof(T));
    return value;
  }
  // A list takes no more memory than its bytes in the descriptor.
  template <class T>
  std::vector<T> get_list() {
    const uint32_t count = get<uint32_t>();
    if (count > bytes_.size() / sizeof(T)) ok_ = false;
    std::vector<T> values(ok_ ? count : 0);
    if (!values.empty() && take(values.size() * sizeof(T))) {
      std::memcpy(values.data(), taken_, values.size() * sizeof(T));
    }
    return values;
  }
  bool ok() const { return ok_; }
  bool complete() const { return ok_ && bytes_.empty(); }

 private:
  bool take(size_t n) {
    ok_ = ok_ && n <= bytes_.size();
    if (!ok_) return false;
    taken_ = bytes_.data();
    bytes_ = bytes_.subspan(n);
    return true;
  }
  std::span<const uint8_t> bytes_;
  const uint8_t* taken_ = nullptr;
  bool ok_ = true;
};

}  // namespace whittle::quant

#endif  // WHITTLE_QUANT_PACKER_H_
