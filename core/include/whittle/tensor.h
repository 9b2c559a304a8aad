// tensor.h: a tensor in memory.
//
// Layout   row-major, little-endian, byte_width(dtype) per element; strings apart.
// Memory   contents are immutable once shared; copies of a Tensor share them.
// Errors   kLimit when memory cannot be had (see buffer.h).
#ifndef WHITTLE_TENSOR_H_
#define WHITTLE_TENSOR_H_

#include <cstddef>
#include <cstring>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "whittle/buffer.h"
#include "whittle/dtype.h"
#include "whittle/result.h"
#include "whittle/shape.h"

namespace whittle {

class Tensor {
 public:
  Tensor() = default;
  // `bytes` must hold exactly elements * byte_width bytes (asserted).
  Tensor(DType dtype, Shape shape, std::shared_ptr<Buffer> bytes);
  // A string tensor; as many strings as elements (asserted).
  Tensor(Shape shape, std::vector<std::string> strings);

  // Zero-filled; kLimit when it does not fit.
  static Result<Tensor> make(DType dtype, Shape shape);
  template <class T>
  static Result<Tensor> of(DType dtype, Shape shape, std::span<const T> values) {
    WHITTLE_ASSIGN(Tensor t, make(dtype, std::move(shape)));
    assert(t.byte_size() == values.size_bytes());
    if (!values.empty()) std::memcpy(t.mutable_bytes(), values.data(), values.size_bytes());
    return t;
  }

  DType dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  uint64_t elements() const { return elements_; }
  uint64_t byte_size() const { return bytes_ ? bytes_->size() : 0; }
  bool is_string() const { return dtype_ == DType::kString; }

  std::span<const uint8_t> bytes() const { return bytes_ ? bytes_->span() : std::span<const uint8_t>{}; }
  // Only while nobody else shares the buffer (just made).
  uint8_t* mutable_bytes() { return bytes_ ? bytes_->data() : nullptr; }
  const std::shared_ptr<Buffer>& buffer() const { return bytes_; }
  const std::vector<std::string>& strings() const { return *strings_; }
  const std::shared_ptr<const std::vector<std::string>>& shared_strings() const { return strings_; }

  // T must have the width of dtype (asserted).
  template <class T>
  std::span<const T> values() const {
    assert(sizeof(T) == byte_width(dtype_));
    return {reinterpret_cast<const T*>(bytes().data()), static_cast<size_t>(elements_)};
  }
  template <class T>
  std::span<T> mutable_values() {
    assert(sizeof(T) == byte_width(dtype_));
    return {reinterpret_cast<T*>(mutable_bytes()), static_cast<size_t>(elements_)};
  }

  // The same elements under another shape of equal element count (asserted).
  Tensor reshaped(Shape shape) const;
  // Same dtype, shape and bits.
  bool identical(const Tensor& other) const;

 private:
  DType dtype_ = DType::kInvalid;
  Shape shape_;
  uint64_t elements_ = 0;
  std::shared_ptr<Buffer> bytes_;
  std::shared_ptr<const std::vector<std::string>> strings_;
};

Result<Tensor> scalar_f32(float value);
Result<Tensor> scalar_i32(int32_t value);
Result<Tensor> vector_f32(std::span<const float> values);
Result<Tensor> vector_i32(std::span<const int32_t> values);

// Integer tensors (int32, int64) of any shape as int64 values; invalid_argument otherwise.
Result<std::vector<int64_t>> as_int64s(const Tensor& t);

}  // namespace whittle

#endif  // WHITTLE_TENSOR_H_
