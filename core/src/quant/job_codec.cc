// Job descriptors: serialize_job, parse_job and what follows from a job.
#include "packer.h"
#include "step_chain.h"
#include "whittle/job.h"
#include "whittle/math.h"
#include "whittle/text.h"
#include "work.h"

namespace whittle {
namespace {

using quant::Packer;
using quant::Unpacker;

constexpr uint32_t kJobMagic = 0x314a5457;  // "WTJ1"

Error bad_descriptor(std::string_view what) { return corrupt(cat("job descriptor: ", what)); }

void put_piece(Packer& out, const FilePiece& piece) {
  out.put(static_cast<uint32_t>(piece.range.file));
  out.put(piece.range.offset);
  out.put(piece.range.length);
  out.put(piece.stride);
  out.put(piece.count);
}

FilePiece get_piece(Unpacker& in) {
  FilePiece piece;
  piece.range.file = static_cast<FileId>(in.get<uint32_t>());
  piece.range.offset = in.get<uint64_t>();
  piece.range.length = in.get<uint64_t>();
  piece.stride = in.get<uint64_t>();
  piece.count = in.get<uint64_t>();
  return piece;
}

// Adds the bytes of a piece to `total`; false when anything overflows.
bool add_piece(const FilePiece& piece, uint64_t* total) {
  uint64_t bytes = 0, last = 0;
  if (piece.count == 0 || piece.range.length == 0) return false;
  if (mul_overflows(piece.range.length, piece.count, &bytes)) return false;
  if (mul_overflows(piece.stride, piece.count - 1, &last)) return false;
  if (add_overflows(last, piece.range.offset, &last)) return false;
  if (add_overflows(last, piece.range.length, &last)) return false;
  return !add_overflows(*total, bytes, total);
}

void put_tensor(Packer& out, const TensorRef& t) {
  out.put(static_cast<int32_t>(t.stored_dtype()));
  out.put_list(t.stored_shape().dims);
  out.put(static_cast<uint32_t>(t.pieces().size()));
  for (const FilePiece& piece : t.pieces()) put_piece(out, piece);
  out.put(static_cast<uint8_t>((t.crc32c() ? 1 : 0) | (t.swap_bytes() ? 2 : 0)));
  out.put(t.crc32c().value_or(0));
  out.put(static_cast<uint32_t>(t.steps().size()));
  for (const Step& step : t.steps()) {
    out.put(static_cast<uint8_t>(step.kind));
    out.put(static_cast<int32_t>(step.dtype));
    out.put_list(step.shape.dims);
    out.put(step.inner);
    out.put_list(step.values ? *step.values : std::vector<float>());
  }
}

Result<TensorRef> get_tensor(Unpacker& in) {
  const DType dtype = static_cast<DType>(in.get<int32_t>());
  Shape shape(in.get_list<int64_t>());
  std::vector<FilePiece> pieces;
  uint64_t total = 0;
  for (uint32_t left = in.get<uint32_t>(); left > 0 && in.ok(); --left) {
    pieces.push_back(get_piece(in));
    if (in.ok() && !add_piece(pieces.back(), &total))
      return bad_descriptor("a piece is empty or too large");
  }
  const uint8_t flags = in.get<uint8_t>();
  const uint32_t crc = in.get<uint32_t>();
  std::vector<Step> steps;
  for (uint32_t left = in.get<uint32_t>(); left > 0 && in.ok(); --left) {
    Step step;
    step.kind = static_cast<StepKind>(in.get<uint8_t>());
    step.dtype = static_cast<DType>(in.get<int32_t>());
    step.shape = Shape(in.get_list<int64_t>());
    step.inner = in.get<uint64_t>();
    std::vector<float> values = in.get_list<float>();
    if (!values.empty())
      step.values = std::make_shared<const std::vector<float>>(std::move(values));
    steps.push_back(std::move(step));
  }
  if (!in.ok() || flags > 3) return bad_descriptor("it is cut off");
  if (byte_width(dtype) == 0) return bad_descriptor("its dtype has no size");
  WHITTLE_ASSIGN_IN(const uint64_t bytes, byte_size(dtype, shape), "job descriptor");
  if (bytes != total) return bad_descriptor("its pieces are not as long as its tensor");
  std::optional<uint32_t> expected;
  if (flags & 1) expected = crc;
  TensorRef t =
      TensorRef::file(dtype, std::move(shape), std::move(pieces), expected, (flags & 2) != 0);
  for (Step& step : steps) t = t.with_step(std::move(step));
  return t;
}

Status check_tensor(const TensorRef& t, std::string_view name) {
  if (t.kind() != TensorRef::Kind::kFile) {
    return internal_error(cat("tensor ", printable(name), " is not in a file: it needs no job"));
  }
  auto chain = quant::StepChain::make(t.stored_dtype(), t.elements(), t.steps());
  if (!chain.ok()) return chain.take_error().in(cat("steps of tensor ", printable(name)));
  return {};
}

// The turns of a compare job, see quant::kCompareBlock.
Result<std::vector<FilePiece>> compare_pieces(const Job& job) {
  std::vector<FilePiece> pieces;
  PieceCursor a(job.tensor.pieces()), b(job.other.pieces());
  for (uint64_t left = total_bytes(job.tensor.pieces()); left > 0;) {
    const uint64_t turn = left < quant::kCompareBlock ? left : quant::kCompareBlock;
    WHITTLE_CHECK(a.take(turn, pieces));
    WHITTLE_CHECK(b.take(turn, pieces));
    left -= turn;
  }
  return pieces;
}

Status check_job(const Job& job) {
  WHITTLE_CHECK(check_tensor(job.tensor, job.name));
  if (job.kind != JobKind::kCompare) return {};
  WHITTLE_CHECK(check_tensor(job.other, job.name));
  const bool equal_size = job.tensor.byte_size() == job.other.byte_size() &&
                          total_bytes(job.tensor.pieces()) == total_bytes(job.other.pieces());
  if (!equal_size) return bad_descriptor("tensors of different sizes cannot be compared");
  const auto pieces = compare_pieces(job);
  if (!pieces.ok()) return Error(pieces.error());
  return {};
}

}  // namespace

Result<std::vector<uint8_t>> serialize_job(const Job& job) {
  WHITTLE_CHECK(check_job(job));
  Packer out;
  out.put(kJobMagic);
  out.put(static_cast<uint8_t>(job.kind));
  out.put(job.channels);
  out.put(job.inner);
  out.put_list(std::vector<char>(job.name.begin(), job.name.end()));
  put_tensor(out, job.tensor);
  if (job.kind == JobKind::kCompare) put_tensor(out, job.other);
  return out.done();
}

Result<Job> parse_job(std::span<const uint8_t> descriptor) {
  Unpacker in(descriptor);
  if (in.get<uint32_t>() != kJobMagic) return bad_descriptor("it is not one");
  Job job;
  const uint8_t kind = in.get<uint8_t>();
  if (kind > static_cast<uint8_t>(JobKind::kCompare)) return bad_descriptor("its kind is unknown");
  job.kind = static_cast<JobKind>(kind);
  job.channels = in.get<uint64_t>();
  job.inner = in.get<uint64_t>();
  const std::vector<char> name = in.get_list<char>();
  job.name.assign(name.begin(), name.end());
  WHITTLE_ASSIGN(job.tensor, get_tensor(in));
  if (job.kind == JobKind::kCompare) { WHITTLE_ASSIGN(job.other, get_tensor(in)); }
  if (!in.complete()) return bad_descriptor("it goes on after its end");
  WHITTLE_CHECK(check_job(job));
  return job;
}

std::vector<FilePiece> job_pieces(const Job& job) {
  if (job.kind != JobKind::kCompare) return job.tensor.pieces();
  auto pieces = compare_pieces(job);
  return pieces.ok() ? std::move(pieces).value() : std::vector<FilePiece>();
}

uint64_t encoded_size(const TensorRef& tensor) { return tensor.byte_size(); }

}  // namespace whittle
