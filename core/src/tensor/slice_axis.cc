// slice_axis: a box of one axis of a TensorRef, with its steps.
#include "whittle/math.h"
#include "whittle/tensor_ref.h"
#include "whittle/text.h"

namespace whittle {
namespace {

uint64_t product(const std::vector<int64_t>& dims, size_t begin, size_t end) {
  uint64_t p = 1;
  for (size_t d = begin; d < end; ++d) p *= static_cast<uint64_t>(dims[d]);
  return p;
}

// One slice of a row-major array [outer, axis, inner], in units of `inner` elements.
struct Slab {
  uint64_t outer, axis, inner, start, extent;
};

Result<Tensor> slice_tensor(const Tensor& tensor, const Slab& slab, const Shape& shape) {
  if (tensor.is_string()) {
    std::vector<std::string> strings;
    for (uint64_t o = 0; o < slab.outer && slab.extent * slab.inner > 0; ++o) {
      const auto first = tensor.strings().begin() +
                         static_cast<ptrdiff_t>((o * slab.axis + slab.start) * slab.inner);
      strings.insert(strings.end(), first, first + static_cast<ptrdiff_t>(slab.extent * slab.inner));
    }
    return Tensor(shape, std::move(strings));
  }
  WHITTLE_ASSIGN(Tensor out, Tensor::make(tensor.dtype(), shape));
  const uint64_t unit = slab.inner * byte_width(tensor.dtype());
  const size_t length = static_cast<size_t>(slab.extent * unit);
  for (uint64_t o = 0; o < slab.outer && length > 0; ++o) {
    std::memcpy(out.mutable_bytes() + o * length,
                tensor.bytes().data() + (o * slab.axis + slab.start) * unit, length);
  }
  return out;
}

Result<std::vector<FilePiece>> slice_pieces(const TensorRef& ref, const Slab& slab) {
  const uint64_t unit = slab.inner * byte_width(ref.stored_dtype());
  std::vector<FilePiece> out;
  if (slab.outer * slab.extent * unit == 0) return out;
  const std::vector<FilePiece>& pieces = ref.pieces();
  if (pieces.size() == 1 && pieces.front().count == 1) {
    const FileRange& range = pieces.front().range;
    const int64_t dims[] = {static_cast<int64_t>(slab.outer), static_cast<int64_t>(slab.axis)};
    const int64_t start[] = {0, static_cast<int64_t>(slab.start)};
    const int64_t extent[] = {dims[0], static_cast<int64_t>(slab.extent)};
    WHITTLE_CHECK(append_box(out, range.file, range.offset, unit, dims, start, extent));
    return out;
  }
  PieceCursor cursor(pieces);
  for (uint64_t o = 0; o < slab.outer; ++o) {
    cursor.skip(slab.start * unit);
    WHITTLE_CHECK(cursor.take(slab.extent * unit, out));
    cursor.skip((slab.axis - slab.start - slab.extent) * unit);
  }
  return out;
}

// Values per channel belong to consecutive axes [first, last) of the shape: their sizes multiply to
// the number of channels, and those of the axes after them to `inner`. Cuts them and `inner` to what
// they are for the slice.
Status slice_channels(Step* step, const std::vector<int64_t>& dims, size_t axis, const Slab& slab) {
  size_t last = dims.size();
  while (last > 0 && product(dims, last, dims.size()) != step->inner) --last;
  size_t first = last;
  while (first > 0 && product(dims, first, last) != step->values->size()) --first;
  const bool fits = product(dims, last, dims.size()) == step->inner &&
                    product(dims, first, last) == step->values->size();
  if (!fits) return unsupported("values per channel that belong to no axis cannot be sliced");
  if (axis >= last) step->inner = step->inner / slab.axis * slab.extent;
  if (axis < first || axis >= last) return {};
  auto cut = std::make_shared<std::vector<float>>();
  const uint64_t outer = product(dims, first, axis);
  const uint64_t inner = product(dims, axis + 1, last);
  for (uint64_t o = 0; o < outer; ++o) {
    const auto from = step->values->begin() +
                      static_cast<ptrdiff_t>((o * slab.axis + slab.start) * inner);
    cut->insert(cut->end(), from, from + static_cast<ptrdiff_t>(slab.extent * inner));
  }
  step->values = std::move(cut);
  return {};
}

}  // namespace

Result<TensorRef> slice_axis(const TensorRef& ref, int axis, int64_t start, int64_t extent) {
  const std::vector<int64_t>& dims = ref.stored_shape().dims;
  const size_t d = static_cast<size_t>(axis);
  if (axis < 0 || d >= dims.size() || start < 0 || extent < 0 || start > dims[d] - extent) {
    return invalid_argument(cat("no slice ", start, ",", extent, " of axis ", axis, " of ",
                                ref.stored_shape().to_string()));
  }
  if (start == 0 && extent == dims[d]) return ref;  // from here on, dims[d] > 0
  for (const Step& step : ref.steps()) {
    if (step.kind == StepKind::kReshape) return unsupported("a slice through a reshape");
  }
  Shape shape = ref.stored_shape();
  shape.dims[d] = extent;
  Slab slab{product(dims, 0, d), static_cast<uint64_t>(dims[d]), product(dims, d + 1, dims.size()),
            static_cast<uint64_t>(start), static_cast<uint64_t>(extent)};
  TensorRef slice;
  switch (ref.kind()) {
    case TensorRef::Kind::kNone:
      return internal_error("an empty TensorRef was sliced");
    case TensorRef::Kind::kOwned: {
      WHITTLE_ASSIGN(Tensor tensor, slice_tensor(ref.tensor(), slab, shape));
      slice = TensorRef::owned(std::move(tensor));
      break;
    }
    case TensorRef::Kind::kFile: {
      WHITTLE_ASSIGN(std::vector<FilePiece> pieces, slice_pieces(ref, slab));
      slice = TensorRef::file(ref.stored_dtype(), shape, std::move(pieces), std::nullopt,
                              ref.swap_bytes());
      break;
    }
    case TensorRef::Kind::kSplat:
      slice = ref.stored_dtype() == DType::kString
                  ? TensorRef::splat_string(shape, ref.splat_text())
                  : TensorRef::splat(ref.stored_dtype(), shape, ref.splat_element());
      break;
  }
  for (Step step : ref.steps()) {
    const bool per_channel =
        step.kind == StepKind::kScaleChannels || step.kind == StepKind::kInt8Channels;
    // Nothing reads the values of an empty tensor, and its sizes may multiply to anything.
    if (per_channel && ref.elements() > 0) WHITTLE_CHECK(slice_channels(&step, dims, d, slab));
    step.shape = shape;
    slice = slice.with_step(std::move(step));
  }
  return slice;
}

}  // namespace whittle
