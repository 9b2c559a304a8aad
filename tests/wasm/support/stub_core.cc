// A core for tests of what surrounds it: the exports of whittle.h and job.h with predictable bytes and faults on demand.
//
// It reads the first bytes of every file, scans every file by a job, and writes, for each input file F of the model,
//   out/F      [8 literal bytes][F xor 0x5a, by a job][8 literal bytes]
//   copy/F     F, copied
// `transforms` asks for more: strided (the job takes every other 100 bytes of the first file), many (200 jobs a file), trap, trap_job,
// oom, oom_job, corrupt, corrupt_job, slow (steps without end), stuck (one step without end), slow_job, stuck_job, no_output.
#include <chrono>
#include <cstdlib>

#include "nlohmann/json.hpp"
#include "whittle/crc32.h"
#include "whittle/job.h"
#include "whittle/text.h"
#include "whittle/whittle.h"

namespace whittle {
namespace {

using Json = nlohmann::ordered_json;

constexpr uint8_t kKey = 0x5a;
constexpr uint64_t kLiteral = 8;

void spin(int milliseconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
  while (std::chrono::steady_clock::now() < until) {
  }
}

[[noreturn]] void exhaust_memory() {
  for (;;) {
    volatile char* block = new char[size_t{64} << 20];
    block[0] = 1;
  }
}

}  // namespace

std::string_view version() { return WHITTLE_VERSION; }

struct Session::Impl {
  Json request;
  std::string mode;
  std::vector<std::string> paths;
  std::vector<uint64_t> sizes;
  State state = State::kProgress;
  int stage = 0;
  std::vector<FileRange> needs;
  std::vector<JobView> jobs;
  std::vector<OutputFile> outputs;
  std::vector<uint8_t> literal = std::vector<uint8_t>(kLiteral, uint8_t{'L'});
  std::string phase = "reading";
  std::string report;
  Error error;
  uint64_t provided = 0;
  std::vector<std::string> results;

  State fail(Error e) {
    error = std::move(e);
    return state = State::kError;
  }
  void add_job(uint8_t kind, std::vector<FilePiece> pieces, uint64_t input) {
    JobView job;
    job.id = static_cast<uint32_t>(results.size());
    job.descriptor = {kind, kKey, mode == "trap_job", mode == "slow_job", mode == "stuck_job", mode == "oom_job", mode == "corrupt_job"};
    job.pieces = std::move(pieces);
    job.input_bytes = input;
    job.output_bytes = kind == 0 ? 0 : input;
    jobs.push_back(std::move(job));
    results.emplace_back();
  }
  // The bytes of file f from `from` on, as the mode has them.
  std::vector<FilePiece> pieces(size_t f, uint64_t from, uint64_t length) const {
    FilePiece piece;
    piece.range = {FileId{static_cast<uint32_t>(f)}, from, length};
    if (mode == "strided" && f == 0) {
      piece.range.length = 100;
      piece.stride = 200;
      piece.count = length / 200;
    }
    return {piece};
  }
  static uint64_t total(const std::vector<FilePiece>& pieces) {
    uint64_t sum = 0;
    for (const FilePiece& piece : pieces) sum += piece.total();
    return sum;
  }
  void plan_outputs() {
    jobs.clear();
    const uint64_t parts = mode == "many" ? 200 : 1;
    for (size_t f = 0; f < paths.size(); ++f) {
      OutputFile out;
      out.path = "out/" + paths[f];
      out.segments.push_back({Segment::Kind::kLiteral, kLiteral, 0, {}});
      for (uint64_t k = 0; k < parts; ++k) {
        const uint64_t from = sizes[f] * k / parts, to = sizes[f] * (k + 1) / parts;
        std::vector<FilePiece> list = pieces(f, from, to - from);
        add_job(1, list, total(list));
        out.segments.push_back({Segment::Kind::kJob, total(list), jobs.back().id, {}});
      }
      out.segments.push_back({Segment::Kind::kLiteral, kLiteral, 0, {}});
      for (const Segment& s : out.segments) out.size += s.size;
      outputs.push_back(out);
      OutputFile copy;
      copy.path = "copy/" + paths[f];
      copy.size = sizes[f];
      copy.segments.push_back({Segment::Kind::kCopy, sizes[f], 0, {FileId{static_cast<uint32_t>(f)}, 0, sizes[f]}});
      outputs.push_back(copy);
    }
  }
};

Session::Session(std::string_view request_json) : impl_(std::make_unique<Impl>()) {
  impl_->request = Json::parse(request_json.begin(), request_json.end(), nullptr, false);
  if (impl_->request.is_discarded()) {
    impl_->fail(invalid_argument("the request is not JSON"));
    return;
  }
  for (const Json& file : impl_->request["files"]) {
    impl_->paths.push_back(file["path"].get<std::string>());
    impl_->sizes.push_back(file["size"].get<uint64_t>());
  }
  if (impl_->request["options"].contains("transforms")) impl_->mode = impl_->request["options"]["transforms"].get<std::string>();
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

State Session::step() {
  Impl& s = *impl_;
  if (s.state == State::kError || s.state == State::kDone) return s.state;
  if (s.request["command"] == "list") {
    s.report = Json::array({{{"name", "int8"}, {"summary", "stub"}}, {{"op", "Add"}}}).dump();
    return s.state = State::kDone;
  }
  switch (s.stage++) {
    case 0:
      if (s.mode == "trap") __builtin_trap();
      if (s.mode == "oom") exhaust_memory();
      if (s.mode == "corrupt") return s.fail(corrupt("too short").in("node a").in("saved_model.pb"));
      if (s.mode == "stuck") for (;;) spin(10);
      if (s.mode == "slow") {
        spin(5);
        --s.stage;
        return s.state = State::kProgress;
      }
      if (s.paths.empty()) return s.fail(not_found("there is no saved_model.pb here"));
      for (size_t f = 0; f < s.paths.size(); ++f) {
        s.needs.push_back({FileId{static_cast<uint32_t>(f)}, 0, std::min<uint64_t>(s.sizes[f], 16)});
      }
      return s.state = State::kNeed;
    case 1:
      s.needs.clear();
      if (s.request["command"] == "inspect") {
        s.report = Json{{"schema", "whittle-inspect/1"}, {"input", {{"format", "stub"}, {"bytes", s.provided}}}}.dump();
        return s.state = State::kDone;
      }
      for (size_t f = 0; f < s.paths.size(); ++f) s.add_job(0, {s.pieces(f, 0, s.sizes[f])}, s.sizes[f]);
      s.phase = "scanning";
      return s.state = State::kJobs;
    case 2:
      s.plan_outputs();
      if (s.mode == "no_output") s.outputs.clear();
      return s.state = State::kPlanned;
    default: {
      Json report{{"schema", "whittle-report/1"}, {"input", {{"format", "stub"}, {"bytes", s.provided}}},
                  {"output", {{"format", "stub"}, {"bytes", 0}}}, {"results", s.results}};
      uint64_t bytes = 0;
      for (const OutputFile& out : s.outputs) bytes += out.size;
      report["output"]["bytes"] = bytes;
      uint64_t before = 0;
      for (uint64_t size : s.sizes) before += size;
      report["bytes"] = {{"before", before}, {"after", bytes}};
      s.report = report.dump(-1, ' ', false, Json::error_handler_t::replace);
      return s.state = State::kDone;
    }
  }
}

State Session::state() const { return impl_->state; }
const std::vector<FileRange>& Session::needs() const { return impl_->needs; }
Status Session::provide(const FileRange& range, std::span<const uint8_t> bytes) {
  if (bytes.size() != range.length) return internal_error("provided another number of bytes");
  impl_->provided += bytes.size();
  return {};
}
const std::vector<JobView>& Session::jobs() const { return impl_->jobs; }
Status Session::job_done(uint32_t id, std::span<const uint8_t> result) {
  if (id >= impl_->results.size() || !impl_->results[id].empty()) return internal_error("no such job");
  impl_->results[id] = std::string(result.begin(), result.end());
  return {};
}
const std::vector<OutputFile>& Session::outputs() const { return impl_->outputs; }
std::span<const uint8_t> Session::literal(size_t, size_t) const { return impl_->literal; }
void Session::cancel() { impl_->fail({Code::kCancelled, "cancelled", {}}); }
double Session::progress() const { return impl_->stage / 4.0; }
const std::string& Session::phase() const { return impl_->phase; }
const std::string& Session::report() const { return impl_->report; }
const Error& Session::error() const { return impl_->error; }

namespace {

class StubRunner final : public JobRunner {
 public:
  explicit StubRunner(std::span<const uint8_t> descriptor) : descriptor_(descriptor.begin(), descriptor.end()) {}
  Status push(std::span<const uint8_t> bytes) override {
    if (descriptor_[2]) __builtin_trap();
    if (descriptor_[3]) spin(20);
    while (descriptor_[4]) spin(10);
    if (descriptor_[5]) exhaust_memory();
    crc_ = crc32(crc_, bytes);
    size_ += bytes.size();
    out_.clear();
    if (descriptor_[0] == 1) {
      for (uint8_t byte : bytes) out_.push_back(static_cast<uint8_t>(byte ^ descriptor_[1]));
    }
    return {};
  }
  std::span<const uint8_t> take() override {
    taken_ = std::move(out_);
    out_.clear();
    return taken_;
  }
  Result<std::vector<uint8_t>> end() override {
    if (descriptor_[6]) return corrupt("the checksum differs").in("tensor a").in("variables.data");
    const std::string text = cat(size_, ":", crc_);
    return std::vector<uint8_t>(text.begin(), text.end());
  }

 private:
  std::vector<uint8_t> descriptor_, out_, taken_;
  uint32_t crc_ = 0;
  uint64_t size_ = 0;
};

}  // namespace

Result<std::unique_ptr<JobRunner>> JobRunner::begin(std::span<const uint8_t> descriptor) {
  if (descriptor.size() != 7) return internal_error("no such job");
  return std::unique_ptr<JobRunner>(std::make_unique<StubRunner>(descriptor));
}

}  // namespace whittle
