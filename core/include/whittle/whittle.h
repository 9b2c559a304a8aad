// whittle.h: the facade, a resumable machine that page, Node and the native command drive alike.
//
//   Session s(request);                    request: JSON, see docs/javascript.md "Requests"
//   loop: switch (s.step().state)          no call runs longer than about 50 ms
//     kNeed      read needs() from the files, provide() each, step again
//     kJobs      run jobs() on any workers (JobRunner), job_done() each as it ends, step again
//     kPlanned   everything is decided: outputs() is final, every size is known. Write the files:
//                literal segments by literal(), job segments by running the job, copies from the
//                input; job_done() for each. Then step again.
//     kProgress  step again
//     kDone      report() is the JSON report
//     kError     error()
//
// Memory   the graph, caches within the budget (128 MB), never a whole large tensor.
// Threads  a Session belongs to one thread; jobs run anywhere.
#ifndef WHITTLE_WHITTLE_H_
#define WHITTLE_WHITTLE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "whittle/context.h"
#include "whittle/result.h"
#include "whittle/tensor_ref.h"

namespace whittle {

std::string_view version();  // "0.1.0"

enum class State : uint8_t { kNeed, kJobs, kPlanned, kProgress, kDone, kError };

struct JobView {
  uint32_t id = 0;
  std::vector<uint8_t> descriptor;   // for JobRunner::begin
  std::vector<FilePiece> pieces;     // to push, in order
  uint64_t input_bytes = 0;
  uint64_t output_bytes = 0;         // exact
};

struct Segment {
  enum class Kind : uint8_t { kLiteral, kJob, kCopy };
  Kind kind = Kind::kLiteral;
  uint64_t size = 0;
  uint32_t job = 0;                  // kJob
  FileRange copy;                    // kCopy
};

struct OutputFile {
  std::string path;                  // relative, '/' separators
  uint64_t size = 0;
  std::vector<Segment> segments;     // in order; sizes add up to size
};

class Session {
 public:
  // The request names the files of the input: {"command":"optimize"|"inspect"|"list", "files":
  // [{"path":…,"size":…}], "options":{…}}.
  explicit Session(std::string_view request_json);
  ~Session();
  Session(Session&&) noexcept;

  State step();
  State state() const;

  const std::vector<FileRange>& needs() const;
  Status provide(const FileRange& range, std::span<const uint8_t> bytes);
  const std::vector<JobView>& jobs() const;
  Status job_done(uint32_t id, std::span<const uint8_t> result);
  const std::vector<OutputFile>& outputs() const;
  // Bytes of literal segment `segment` of file `file`.
  std::span<const uint8_t> literal(size_t file, size_t segment) const;
  void cancel();

  // 0..1 and a short phase name ("reading", "inlining", "scanning", "writing").
  double progress() const;
  const std::string& phase() const;
  const std::string& report() const;  // JSON: report, inspection or list
  const Error& error() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace whittle

#endif  // WHITTLE_WHITTLE_H_
