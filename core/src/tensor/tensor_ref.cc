#include "whittle/tensor_ref.h"

#include "whittle/math.h"
#include "whittle/wire.h"

namespace whittle {

struct TensorRef::Storage {
  Kind kind = Kind::kNone;
  DType dtype = DType::kInvalid;
  Shape shape;
  uint64_t elements = 0;
  uint64_t string_bytes = 0;  // with their varint lengths
  Tensor tensor;
  std::vector<FilePiece> pieces;
  std::optional<uint32_t> crc32c;
  bool swap_bytes = false;
  std::vector<FileCheck> checks;
  std::vector<uint8_t> element;
  std::string text;
};

namespace {

const Shape kScalarShape;
const Tensor kNoTensor;
const std::vector<FilePiece> kNoPieces;
const std::vector<FileCheck> kNoChecks;
const std::vector<uint8_t> kNoElement;
const std::string kNoText;

uint64_t saturating_mul(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return mul_overflows(a, b, &product) ? UINT64_MAX : product;
}

bool equal_values(const Step& a, const Step& b) {
  if (a.values == b.values) return true;
  if (a.values == nullptr || b.values == nullptr || a.values->size() != b.values->size()) return false;
  // Bits, not values: a NaN equals itself and -0 is not 0.
  return std::memcmp(a.values->data(), b.values->data(), a.values->size() * sizeof(float)) == 0;
}

bool equal_steps(const Step& a, const Step& b) {
  return a.kind == b.kind && a.dtype == b.dtype && a.shape == b.shape && a.inner == b.inner &&
         equal_values(a, b);
}

}  // namespace

TensorRef TensorRef::owned(Tensor tensor) {
  auto storage = std::make_shared<Storage>();
  storage->kind = Kind::kOwned;
  storage->dtype = tensor.dtype();
  storage->shape = tensor.shape();
  storage->elements = tensor.elements();
  if (tensor.is_string()) {
    for (const std::string& s : tensor.strings()) storage->string_bytes += s.size() + varint_size(s.size());
  }
  storage->tensor = std::move(tensor);
  TensorRef ref;
  ref.storage_ = std::move(storage);
  return ref;
}

TensorRef TensorRef::file(DType dtype, Shape shape, std::vector<FilePiece> pieces,
                          std::optional<uint32_t> crc32c, bool swap_bytes,
                          std::vector<FileCheck> checks) {
  auto storage = std::make_shared<Storage>();
  storage->kind = Kind::kFile;
  storage->dtype = dtype;
  Result<uint64_t> elements = shape.elements();
  assert(elements.ok() && elements.value() * byte_width(dtype) == total_bytes(pieces));
  storage->elements = elements.ok() ? elements.value() : 0;
  storage->shape = std::move(shape);
  storage->pieces = std::move(pieces);
  storage->crc32c = crc32c;
  storage->swap_bytes = swap_bytes;
  storage->checks = std::move(checks);
  TensorRef ref;
  ref.storage_ = std::move(storage);
  return ref;
}

TensorRef TensorRef::splat(DType dtype, Shape shape, std::vector<uint8_t> element) {
  auto storage = std::make_shared<Storage>();
  storage->kind = Kind::kSplat;
  storage->dtype = dtype;
  Result<uint64_t> elements = shape.elements();
  assert(elements.ok() && element.size() == byte_width(dtype));
  storage->elements = elements.ok() ? elements.value() : 0;
  storage->shape = std::move(shape);
  storage->element = std::move(element);
  TensorRef ref;
  ref.storage_ = std::move(storage);
  return ref;
}

TensorRef TensorRef::splat_string(Shape shape, std::string element) {
  auto storage = std::make_shared<Storage>();
  storage->kind = Kind::kSplat;
  storage->dtype = DType::kString;
  Result<uint64_t> elements = shape.elements();
  assert(elements.ok());
  storage->elements = elements.ok() ? elements.value() : 0;
  storage->string_bytes =
      saturating_mul(storage->elements, element.size() + varint_size(element.size()));
  storage->shape = std::move(shape);
  storage->text = std::move(element);
  TensorRef ref;
  ref.storage_ = std::move(storage);
  return ref;
}

TensorRef::Kind TensorRef::kind() const { return storage_ ? storage_->kind : Kind::kNone; }

DType TensorRef::dtype() const { return steps_.empty() ? stored_dtype() : steps_.back().dtype; }

const Shape& TensorRef::shape() const {
  return steps_.empty() ? stored_shape() : steps_.back().shape;
}

uint64_t TensorRef::elements() const { return storage_ ? storage_->elements : 0; }

uint64_t TensorRef::byte_size() const {
  if (storage_ == nullptr) return 0;
  if (storage_->dtype == DType::kString) return storage_->string_bytes;
  return saturating_mul(storage_->elements, byte_width(dtype()));
}

DType TensorRef::stored_dtype() const { return storage_ ? storage_->dtype : DType::kInvalid; }

const Shape& TensorRef::stored_shape() const { return storage_ ? storage_->shape : kScalarShape; }

const std::vector<FilePiece>& TensorRef::pieces() const {
  return storage_ ? storage_->pieces : kNoPieces;
}

std::optional<uint32_t> TensorRef::crc32c() const {
  return storage_ ? storage_->crc32c : std::nullopt;
}

bool TensorRef::swap_bytes() const { return storage_ && storage_->swap_bytes; }

const std::vector<FileCheck>& TensorRef::checks() const {
  return storage_ ? storage_->checks : kNoChecks;
}

const Tensor& TensorRef::tensor() const { return storage_ ? storage_->tensor : kNoTensor; }

const std::vector<uint8_t>& TensorRef::splat_element() const {
  return storage_ ? storage_->element : kNoElement;
}

const std::string& TensorRef::splat_text() const { return storage_ ? storage_->text : kNoText; }

TensorRef TensorRef::with_step(Step step) const {
  TensorRef ref = *this;
  ref.steps_.push_back(std::move(step));
  return ref;
}

TensorRef TensorRef::reshaped(Shape shape) const {
  if (shape == this->shape()) return *this;
  TensorRef ref = *this;
  // Reshaping twice is reshaping once, and reshaping back is none at all.
  if (!ref.steps_.empty() && ref.steps_.back().kind == StepKind::kReshape) ref.steps_.pop_back();
  if (shape == ref.shape()) return ref;
  Step step;
  step.kind = StepKind::kReshape;
  step.dtype = ref.dtype();
  step.shape = std::move(shape);
  return ref.with_step(std::move(step));
}

bool TensorRef::same_source(const TensorRef& other) const {
  if (storage_ != other.storage_ || steps_.size() != other.steps_.size()) return false;
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (!equal_steps(steps_[i], other.steps_[i])) return false;
  }
  return true;
}

}  // namespace whittle
