#include "whittle/tensor.h"

#include "whittle/text.h"

namespace whittle {
namespace {

// Empty strings that make() hands out at most; real string tensors come with their strings.
constexpr uint64_t kMaxEmptyStrings = uint64_t{1} << 24;

uint64_t checked_elements(const Shape& shape) {
  Result<uint64_t> elements = shape.elements();
  assert(elements.ok());
  return elements.ok() ? elements.value() : 0;
}

}  // namespace

Tensor::Tensor(DType dtype, Shape shape, std::shared_ptr<Buffer> bytes)
    : dtype_(dtype), shape_(std::move(shape)), bytes_(std::move(bytes)) {
  elements_ = checked_elements(shape_);
  assert(byte_size() == elements_ * byte_width(dtype_));
}

Tensor::Tensor(Shape shape, std::vector<std::string> strings)
    : dtype_(DType::kString), shape_(std::move(shape)) {
  elements_ = checked_elements(shape_);
  assert(elements_ == strings.size());
  strings_ = std::make_shared<const std::vector<std::string>>(std::move(strings));
}

Result<Tensor> Tensor::make(DType dtype, Shape shape) {
  if (dtype == DType::kString) {
    WHITTLE_ASSIGN(const uint64_t elements, shape.elements());
    if (elements > kMaxEmptyStrings) {
      return over_limit(cat("a tensor of ", elements, " strings does not fit into memory"));
    }
    return Tensor(std::move(shape), std::vector<std::string>(static_cast<size_t>(elements)));
  }
  if (byte_width(dtype) == 0) {
    return unsupported(cat("tensors of ", dtype_name(dtype), " have no bytes of their own"));
  }
  WHITTLE_ASSIGN(const uint64_t bytes, whittle::byte_size(dtype, shape));
  WHITTLE_ASSIGN(std::shared_ptr<Buffer> buffer, Buffer::make(bytes));
  return Tensor(dtype, std::move(shape), std::move(buffer));
}

Tensor Tensor::reshaped(Shape shape) const {
  Tensor copy = *this;
  copy.elements_ = checked_elements(shape);
  assert(copy.elements_ == elements_);
  copy.shape_ = std::move(shape);
  return copy;
}

bool Tensor::identical(const Tensor& other) const {
  if (dtype_ != other.dtype_ || shape_ != other.shape_) return false;
  if (strings_ != nullptr || other.strings_ != nullptr) {
    return strings_ == other.strings_ || (strings_ && other.strings_ && *strings_ == *other.strings_);
  }
  if (bytes_ == other.bytes_ || byte_size() == 0) return byte_size() == other.byte_size();
  return byte_size() == other.byte_size() &&
         std::memcmp(bytes().data(), other.bytes().data(), bytes().size()) == 0;
}

Result<Tensor> scalar_f32(float value) {
  return Tensor::of<float>(DType::kFloat, Shape{}, std::span<const float>(&value, 1));
}

Result<Tensor> scalar_i32(int32_t value) {
  return Tensor::of<int32_t>(DType::kInt32, Shape{}, std::span<const int32_t>(&value, 1));
}

Result<Tensor> vector_f32(std::span<const float> values) {
  return Tensor::of<float>(DType::kFloat, Shape{static_cast<int64_t>(values.size())}, values);
}

Result<Tensor> vector_i32(std::span<const int32_t> values) {
  return Tensor::of<int32_t>(DType::kInt32, Shape{static_cast<int64_t>(values.size())}, values);
}

Result<std::vector<int64_t>> as_int64s(const Tensor& t) {
  std::vector<int64_t> out;
  if (t.dtype() == DType::kInt32) {
    const std::span<const int32_t> values = t.values<int32_t>();
    out.assign(values.begin(), values.end());
  } else if (t.dtype() == DType::kInt64) {
    const std::span<const int64_t> values = t.values<int64_t>();
    out.assign(values.begin(), values.end());
  } else {
    return invalid_argument(cat("expected int32 or int64, got ", dtype_name(t.dtype())));
  }
  return out;
}

}  // namespace whittle
