#include "skeleton.h"

#include <algorithm>

#include "whittle/text.h"
#include "whittle/wire.h"

namespace whittle::format {
namespace {

constexpr uint64_t kMaxWindow = 1 << 20;
constexpr uint64_t kMinWindow = 64 << 10;  // after a jump: what follows is often another jump
constexpr uint64_t kMaxHeader = 20;        // a tag and a length, ten bytes each
constexpr uint32_t kVarint = 0, kFixed64 = 1, kLen = 2, kFixed32 = 5;
constexpr uint32_t kLazyContentField = 536870911;  // graph.proto, Tensor.lazy_content

// The tags of a MetaInfoDef; what is broken in it is found when it is parsed.
void collect_tags(std::string_view info, std::vector<std::string>* tags) {
  WireReader fields(std::span(reinterpret_cast<const uint8_t*>(info.data()), info.size()));
  WireField field;
  for (;;) {
    Result<bool> more = fields.next(&field);
    if (!more.ok() || !*more) return;
    if (field.is(4, WireType::kBytes)) tags->emplace_back(field.text());
  }
}

}  // namespace

bool LazyContents::has(LazyContent content) const {
  auto it = std::lower_bound(
      contents_.begin(), contents_.end(), content,
      [](const LazyContent& a, const LazyContent& b) { return a.offset < b.offset; });
  return it != contents_.end() && it->offset == content.offset && it->length == content.length;
}

Skeleton::Skeleton(FileId file, Root root, Wanted wanted, bool lazy)
    : file_(file), root_(root), wanted_(std::move(wanted)), lazy_(lazy), contents_(file) {}

bool Skeleton::child_kind(Kind parent, uint32_t field, Kind* child) {
  struct Edge {
    Kind parent;
    uint32_t field;
    Kind child;
  };
  static constexpr Edge kEdges[] = {
      {Kind::kSavedModel, 2, Kind::kMetaGraph}, {Kind::kMetaGraph, 2, Kind::kGraphDef},
      {Kind::kGraphDef, 1, Kind::kNode},        {Kind::kGraphDef, 2, Kind::kLibrary},
      {Kind::kLibrary, 1, Kind::kFunction},     {Kind::kFunction, 3, Kind::kNode},
      {Kind::kNode, 5, Kind::kAttrEntry},       {Kind::kAttrEntry, 2, Kind::kAttrValue},
      {Kind::kAttrValue, 8, Kind::kTensor},     {Kind::kAttrValue, 1, Kind::kList},
      {Kind::kList, 8, Kind::kTensor},
  };
  for (const Edge& edge : kEdges) {
    if (edge.parent != parent || edge.field != field) continue;
    *child = edge.child;
    return true;
  }
  return false;
}

Error Skeleton::at(Error error) const { return std::move(error).in(cat("byte ", pos_)); }

Status Skeleton::run(ByteCache& bytes, Context& ctx) {
  const std::string place = printable(bytes.file_name(file_));
  if (!started_) {
    started_ = true;
    size_ = bytes.file_size(file_);
    if (size_ == 0) return corrupt("the file is empty").in(place);
    out_.reserve(static_cast<size_t>(std::min<uint64_t>(size_, 1 << 20)));
    frames_.push_back(
        {root_ == Root::kSavedModel ? Kind::kSavedModel : Kind::kGraphDef, 0, size_, 0});
  }
  view_ = {};
  for (uint32_t steps = 0; !done_; ++steps) {
    if (steps % 1024 == 0) WHITTLE_CHECK(ctx.check_cancelled());
    Status status = step(bytes);
    if (!status.ok()) {
      Error error = status.take_error();
      if (error.code == Code::kNeedBytes) return error;
      return std::move(error).in(place);
    }
  }
  return {};
}

Status Skeleton::step(ByteCache& bytes) {
  if (copy_left_ != 0) return copy(bytes);
  const Frame& frame = frames_.back();
  if (pos_ == frame.end) {
    leave();
    return {};
  }
  WHITTLE_CHECK(window(bytes, std::min(kMaxHeader, frame.end - pos_)));
  WHITTLE_ASSIGN(const Field field, read_header());
  Kind child{};
  switch (choose(field, &child)) {
    case Action::kCopy: copy_left_ = field.header + field.length; break;
    case Action::kDescend: enter(field, child); break;
    case Action::kSkip: skip(field.header + field.length); break;
    case Action::kLazy: write_lazy(field); break;
  }
  if (out_.size() + copy_left_ > kMaxSkeleton) {
    return at(over_limit(
        cat("the graph without its large constants takes more than ", human_bytes(kMaxSkeleton))));
  }
  return {};
}

Status Skeleton::window(ByteCache& bytes, uint64_t need) {
  if (view_at_ <= pos_ && pos_ - view_at_ + need <= view_.size()) return {};
  const uint64_t length = std::min(next_window_, size_ - pos_);
  WHITTLE_ASSIGN(view_, bytes.fetch({file_, pos_, length}));
  view_at_ = pos_;
  next_window_ = std::min(next_window_ * 4, kMaxWindow);
  return {};
}

Result<Skeleton::Field> Skeleton::read_header() {
  const uint64_t end = frames_.back().end;
  std::span<const uint8_t> in = view_.subspan(static_cast<size_t>(pos_ - view_at_));
  if (in.size() > end - pos_) in = in.first(static_cast<size_t>(end - pos_));

  Field field;
  uint64_t tag = 0, value = 0;
  const size_t tag_size = decode_varint(in, &tag);
  if (tag_size == 0 || tag > UINT32_MAX || tag >> 3 == 0) {
    return at(corrupt("no protobuf field begins here"));
  }
  field.number = static_cast<uint32_t>(tag >> 3);
  field.wire_type = static_cast<uint32_t>(tag & 7);
  field.header = tag_size;
  if (field.wire_type == kFixed64 || field.wire_type == kFixed32) {
    field.header += field.wire_type == kFixed64 ? 8 : 4;
  } else if (field.wire_type == kVarint || field.wire_type == kLen) {
    const size_t value_size = decode_varint(in.subspan(tag_size), &value);
    if (value_size == 0) return at(corrupt("a varint is cut off or longer than ten bytes"));
    field.header += value_size;
    if (field.wire_type == kLen) field.length = value;
  } else {
    return at(corrupt(cat("wire type ", field.wire_type, " is not used by TensorFlow")));
  }
  if (field.header > end - pos_ || field.length > end - pos_ - field.header) {
    return at(
        corrupt(cat("field ", field.number, " of ", field.length,
                    " bytes ends after the message that holds it (", end - pos_, " bytes left)")));
  }
  return field;
}

Skeleton::Action Skeleton::choose(const Field& field, Kind* child) {
  if (field.wire_type != kLen) {
    return frames_.back().kind == Kind::kMetaGraph && metas_.back().skipped ? Action::kSkip
                                                                            : Action::kCopy;
  }
  const Kind kind = frames_.back().kind;
  if (kind == Kind::kMetaGraph) return choose_in_meta_graph(field, child);
  if (kind == Kind::kGraphDef && field.number == 5) {
    (metas_.empty() ? debug_info_bytes_ : metas_.back().debug_info_bytes) += field.length;
    return Action::kSkip;
  }
  if (kind == Kind::kTensor && field.number == 4 && lazy_ && field.length >= kLargeContent) {
    return Action::kLazy;
  }
  if (!child_kind(kind, field.number, child)) return Action::kCopy;
  return *child == Kind::kMetaGraph || field.length > kLargeContent ? Action::kDescend
                                                                    : Action::kCopy;
}

Skeleton::Action Skeleton::choose_in_meta_graph(const Field& field, Kind* child) {
  MetaGraphPart& meta = metas_.back();
  switch (field.number) {
    case 1:
      meta_info_begin_ = out_.size() + static_cast<size_t>(field.header);
      return Action::kCopy;
    case 2:
      if (!wanted_(tags_known_ ? &meta.tags : nullptr, metas_.size() - 1)) meta.skipped = true;
      *child = Kind::kGraphDef;
      return meta.skipped ? Action::kSkip : Action::kDescend;
    case 3: meta.saver_bytes += field.length; break;
    case 7:
      meta.object_graph_bytes += field.length;
      if (field.length > kMaxObjectGraph) return Action::kSkip;
      break;
    default: break;
  }
  return meta.skipped ? Action::kSkip : Action::kCopy;
}

void Skeleton::enter(const Field& field, Kind child) {
  if (child == Kind::kMetaGraph) {
    metas_.emplace_back();
    tags_known_ = false;
  }
  append_varint(out_, uint64_t{field.number} << 3 | kLen);
  out_.append(5, '\0');
  pos_ += field.header;
  frames_.push_back({child, pos_, pos_ + field.length, out_.size()});
}

void Skeleton::leave() {
  const Frame frame = frames_.back();
  frames_.pop_back();
  if (frames_.empty()) {
    done_ = true;
    return;
  }
  const size_t length = out_.size() - frame.out_begin;
  for (size_t i = 0; i < 5; ++i) {
    const auto seven = static_cast<uint8_t>(length >> (7 * i) & 0x7f);
    out_[frame.out_begin - 5 + i] = static_cast<char>(i < 4 ? seven | 0x80 : seven);
  }
  if (frame.kind == Kind::kMetaGraph) {
    metas_.back().offset = frame.out_begin;
    metas_.back().length = length;
    metas_.back().file_bytes = frame.end - frame.begin;
  } else if (frame.kind == Kind::kFunction) {
    function_sizes_.push_back({frame.out_begin, frame.end - frame.begin});
  }
}

Status Skeleton::copy(ByteCache& bytes) {
  WHITTLE_CHECK(window(bytes, 1));
  const auto from = static_cast<size_t>(pos_ - view_at_);
  const auto length = static_cast<size_t>(std::min<uint64_t>(copy_left_, view_.size() - from));
  out_.append(reinterpret_cast<const char*>(view_.data()) + from, length);
  pos_ += length;
  copy_left_ -= length;
  if (copy_left_ == 0 && meta_info_begin_ != 0) {
    collect_tags(std::string_view(out_).substr(meta_info_begin_), &metas_.back().tags);
    meta_info_begin_ = 0;
    tags_known_ = true;
  }
  return {};
}

void Skeleton::skip(uint64_t length) {
  pos_ += length;
  if (pos_ > view_at_ + view_.size()) next_window_ = kMinWindow;
}

void Skeleton::write_lazy(const Field& field) {
  const LazyContent content{pos_ + field.header, field.length};
  contents_.add(content);
  std::string pair;
  append_varint(pair, content.offset);
  append_varint(pair, content.length);
  append_varint(out_, uint64_t{kLazyContentField} << 3 | kLen);
  append_varint(out_, pair.size());
  out_ += pair;
  skip(field.header + field.length);
}

}  // namespace whittle::format
