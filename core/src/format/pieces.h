// pieces.h: the bytes of a message that is not in memory: literal text and tensors, in order.
//
//   Pieces tensor;  tensor.literal(header);  tensor.tensor(ref, bytes, "conv1/w");
//   Pieces attr;    attr.nest(8, std::move(tensor));    // tag, length, the tensor's pieces
//
// Sizes are exact at every level before a byte of a tensor is read.
#ifndef WHITTLE_FORMAT_PIECES_H_
#define WHITTLE_FORMAT_PIECES_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "whittle/saved_model.h"
#include "whittle/wire.h"

namespace whittle::format {

class Pieces {
 public:
  uint64_t size() const { return size_; }

  void literal(std::string_view bytes) {
    if (bytes.empty()) return;
    if (segments_.empty() || segments_.back().kind != PlannedSegment::Kind::kLiteral)
      segments_.emplace_back();
    segments_.back().literal.append(bytes);
    segments_.back().size += bytes.size();
    size_ += bytes.size();
  }

  void tensor(const TensorRef& ref, uint64_t bytes, std::string_view name) {
    PlannedSegment segment;
    segment.kind = PlannedSegment::Kind::kTensor;
    segment.size = bytes;
    segment.tensor = ref;
    segment.name = name;
    segments_.push_back(std::move(segment));
    size_ += bytes;
  }

  // Tag and length of a length-delimited field whose content follows.
  void header(uint32_t field, uint64_t length) {
    std::string out;
    append_varint(out, uint64_t{field} << 3 | static_cast<uint64_t>(WireType::kBytes));
    append_varint(out, length);
    literal(out);
  }

  void append(Pieces nested) {
    for (PlannedSegment& segment : nested.segments_) {
      if (segment.kind == PlannedSegment::Kind::kLiteral) {
        literal(segment.literal);
      } else {
        size_ += segment.size;
        segments_.push_back(std::move(segment));
      }
    }
  }

  void nest(uint32_t field, Pieces nested) {
    header(field, nested.size());
    append(std::move(nested));
  }

  std::vector<PlannedSegment> take() { return std::move(segments_); }

 private:
  std::vector<PlannedSegment> segments_;
  uint64_t size_ = 0;
};

}  // namespace whittle::format

#endif  // WHITTLE_FORMAT_PIECES_H_
