// The whole border between C++ and JavaScript: plain exports that wasm/js/loader.mjs calls.
//
//   alloc, free        the caller's buffers; alloc answers 0 instead of ending the program
//   window             one reused buffer that files are read into; job_push takes its first bytes
//   session_…          a Session by its handle; lists cross as JSON, descriptors and literals as bytes
//   job_…              the one JobRunner of this instance
//   crc32              zip's checksum, for pieces of an output file
//
// Bytes    a call that returns a pointer leaves their number for whittle_size(). They are valid until the next call.
// Numbers  file offsets and sizes are doubles at the border: exact up to 2^53.
// Status   0, or 1 and then whittle_error() is {"code","message","where"}.
// Memory   when the heap is exhausted, *whittle_out_of_memory() is set before the trap.
// Threads  none: each worker has its own instance.
#include <emscripten.h>

#include <cstdlib>
#include <new>

#include "nlohmann/json.hpp"
#include "whittle/crc32.h"
#include "whittle/job.h"
#include "whittle/whittle.h"

namespace {

using whittle::Error;
using whittle::JobRunner;
using whittle::Session;
using whittle::Status;
using Json = nlohmann::ordered_json;

// 1 MiB: a window stays in the second-level cache through crc and encode, and a read call costs little beside it.
constexpr size_t kWindowBytes = size_t{1} << 20;

uint8_t out_of_memory = 0;
uint8_t* window = nullptr;
size_t returned_size = 0;
std::string returned_text;
std::vector<uint8_t> returned_bytes;
std::string last_error = "{}";
std::unique_ptr<JobRunner> runner;

const void* give(const void* bytes, size_t size) {
  returned_size = size;
  return bytes;
}

const void* give(std::string text) {
  returned_text = std::move(text);
  return give(returned_text.data(), returned_text.size());
}

std::string dump(const Json& json) {
  // Names come from files and may be any bytes: what is not UTF-8 is replaced, never thrown.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string error_json(const Error& error) {
  return dump({{"code", whittle::code_name(error.code)}, {"message", error.message}, {"where", error.where}});
}

int answer(const Status& status) {
  if (status.ok()) return 0;
  last_error = error_json(status.error());
  return 1;
}

std::span<const uint8_t> bytes_at(const uint8_t* pointer, uint32_t size) { return {pointer, size}; }

}  // namespace

#define WHITTLE_EXPORT extern "C" EMSCRIPTEN_KEEPALIVE

WHITTLE_EXPORT void* whittle_alloc(uint32_t size) { return std::malloc(size); }
WHITTLE_EXPORT void whittle_free(void* pointer) { std::free(pointer); }
WHITTLE_EXPORT uint32_t whittle_size() { return static_cast<uint32_t>(returned_size); }
WHITTLE_EXPORT const void* whittle_error() { return give(last_error.data(), last_error.size()); }
WHITTLE_EXPORT const uint8_t* whittle_out_of_memory() {
  std::set_new_handler([] {
    out_of_memory = 1;
    __builtin_trap();
  });
  return &out_of_memory;
}
WHITTLE_EXPORT const void* whittle_version() {
  return give(whittle::version().data(), whittle::version().size());
}
WHITTLE_EXPORT uint8_t* whittle_window() {
  if (window == nullptr) window = static_cast<uint8_t*>(std::malloc(kWindowBytes));
  return window;
}
WHITTLE_EXPORT uint32_t whittle_window_size() { return kWindowBytes; }
WHITTLE_EXPORT uint32_t whittle_crc32(uint32_t crc, const uint8_t* pointer, uint32_t size) {
  return whittle::crc32(crc, bytes_at(pointer, size));
}

WHITTLE_EXPORT Session* whittle_session_new(const char* request, uint32_t size) {
  return new Session(std::string_view(request, size));
}
WHITTLE_EXPORT void whittle_session_free(Session* session) { delete session; }
WHITTLE_EXPORT int whittle_session_step(Session* session) { return static_cast<int>(session->step()); }
WHITTLE_EXPORT void whittle_session_cancel(Session* session) { session->cancel(); }
WHITTLE_EXPORT double whittle_session_progress(const Session* session) { return session->progress(); }
WHITTLE_EXPORT const void* whittle_session_phase(const Session* session) { return give(session->phase()); }
WHITTLE_EXPORT const void* whittle_session_report(const Session* session) {
  return give(session->report().data(), session->report().size());
}
WHITTLE_EXPORT const void* whittle_session_error(const Session* session) {
  return give(error_json(session->error()));
}

// [{"file","offset","length"}]
WHITTLE_EXPORT const void* whittle_session_needs(const Session* session) {
  Json list = Json::array();
  for (const whittle::FileRange& range : session->needs()) {
    list.push_back({{"file", static_cast<uint32_t>(range.file)}, {"offset", range.offset}, {"length", range.length}});
  }
  return give(dump(list));
}

WHITTLE_EXPORT int whittle_session_provide(Session* session, uint32_t file, double offset, double length,
                                           const uint8_t* pointer) {
  whittle::FileRange range{whittle::FileId{file}, static_cast<uint64_t>(offset), static_cast<uint64_t>(length)};
  return answer(session->provide(range, {pointer, static_cast<size_t>(length)}));
}

// [{"id","input","output","pieces":[[file, offset, length, stride, count]]}]; descriptors by whittle_session_descriptor
WHITTLE_EXPORT const void* whittle_session_jobs(const Session* session) {
  Json list = Json::array();
  for (const whittle::JobView& job : session->jobs()) {
    Json pieces = Json::array();
    for (const whittle::FilePiece& piece : job.pieces) {
      pieces.push_back({static_cast<uint32_t>(piece.range.file), piece.range.offset, piece.range.length, piece.stride,
                        piece.count});
    }
    list.push_back({{"id", job.id}, {"input", job.input_bytes}, {"output", job.output_bytes}, {"pieces", std::move(pieces)}});
  }
  return give(dump(list));
}

WHITTLE_EXPORT const void* whittle_session_descriptor(const Session* session, uint32_t index) {
  const std::vector<uint8_t>& descriptor = session->jobs()[index].descriptor;
  return give(descriptor.data(), descriptor.size());
}

WHITTLE_EXPORT int whittle_session_job_done(Session* session, uint32_t id, const uint8_t* pointer, uint32_t size) {
  return answer(session->job_done(id, bytes_at(pointer, size)));
}

// [{"path","size","segments":[["literal",size] | ["job",size,id] | ["copy",size,file,offset]]}]
WHITTLE_EXPORT const void* whittle_session_outputs(const Session* session) {
  Json list = Json::array();
  for (const whittle::OutputFile& file : session->outputs()) {
    Json segments = Json::array();
    for (const whittle::Segment& segment : file.segments) {
      switch (segment.kind) {
        case whittle::Segment::Kind::kLiteral: segments.push_back(Json::array({"literal", segment.size})); break;
        case whittle::Segment::Kind::kJob: segments.push_back(Json::array({"job", segment.size, segment.job})); break;
        case whittle::Segment::Kind::kCopy:
          segments.push_back(
              Json::array({"copy", segment.size, static_cast<uint32_t>(segment.copy.file), segment.copy.offset}));
          break;
      }
    }
    list.push_back({{"path", file.path}, {"size", file.size}, {"segments", std::move(segments)}});
  }
  return give(dump(list));
}

WHITTLE_EXPORT const void* whittle_session_literal(const Session* session, uint32_t file, uint32_t segment) {
  std::span<const uint8_t> bytes = session->literal(file, segment);
  return give(bytes.data(), bytes.size());
}

WHITTLE_EXPORT int whittle_job_begin(const uint8_t* descriptor, uint32_t size) {
  auto made = JobRunner::begin(bytes_at(descriptor, size));
  if (!made.ok()) return answer(made.take_error());
  runner = std::move(made).value();
  return 0;
}

// Pushes the first `size` bytes of the window.
WHITTLE_EXPORT int whittle_job_push(uint32_t size) { return answer(runner->push(bytes_at(window, size))); }

WHITTLE_EXPORT const void* whittle_job_take() {
  std::span<const uint8_t> bytes = runner->take();
  return give(bytes.data(), bytes.size());
}

WHITTLE_EXPORT int whittle_job_end() {
  auto result = runner->end();
  if (!result.ok()) return answer(result.take_error());
  returned_bytes = std::move(result).value();
  return 0;
}
WHITTLE_EXPORT const void* whittle_job_result() { return give(returned_bytes.data(), returned_bytes.size()); }
WHITTLE_EXPORT void whittle_job_free() { runner.reset(); }
