#include "run.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "pieces.h"
#include "stop.h"
#include "whittle/crc32.h"
#include "whittle/job.h"
#include "whittle/text.h"
#include "whittle/whittle.h"

namespace whittle {
namespace {

Error cancelled() { return {Code::kCancelled, "cancelled", {}}; }

struct Task {
  const JobView* job = nullptr;    // null: a copy
  std::vector<FilePiece> pieces;
  uint64_t input = 0;
  bool writes = false;
  Sink::Target target;
  uint64_t size = 0;               // to be written
  size_t file = 0, segment = 0;    // where it belongs
};

struct Answer {
  size_t task = 0;
  std::vector<uint8_t> result;
  uint32_t crc = 0;
};

// Runs tasks in threads, largest first; the caller's thread takes the answers.
class Pool {
 public:
  Pool(const Source& source, std::vector<Task> tasks, bool wants_crc)
      : source_(source), tasks_(std::move(tasks)), wants_crc_(wants_crc), order_(tasks_.size()) {
    for (size_t i = 0; i < order_.size(); ++i) order_[i] = i;
    std::stable_sort(order_.begin(), order_.end(), [this](size_t a, size_t b) { return tasks_[a].input > tasks_[b].input; });
    for (const Task& task : tasks_) total_ += task.input;
  }
  const std::vector<Task>& tasks() const { return tasks_; }

  Status run(int workers, const std::function<Status(const Answer&)>& answered,
             const std::function<void(uint64_t, uint64_t)>& on_bytes) {
    const size_t count = std::min(static_cast<size_t>(workers), tasks_.size());
    std::vector<std::thread> threads;
    running_ = count;
    for (size_t i = 0; i < count; ++i) threads.emplace_back([this] { work(); });
    for (bool done = false; !done;) {
      std::vector<Answer> answers;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait_for(lock, std::chrono::milliseconds(50), [this] { return !answers_.empty() || running_ == 0; });
        answers.swap(answers_);
        done = running_ == 0 && answers.empty();
      }
      for (const Answer& answer : answers) {
        if (failed_) break;
        Status status = answered(answer);
        if (!status.ok()) fail(status.take_error());
      }
      if (stop_requested()) fail(cancelled());
      on_bytes(moved_.load(), total_);
    }
    for (std::thread& thread : threads) thread.join();
    if (error_) return std::move(*error_);
    return {};
  }

 private:
  void fail(Error error) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!error_) error_ = std::make_unique<Error>(std::move(error));
    failed_ = true;
  }

  void work() {
    PieceReader reader(source_);
    Handles outputs(O_RDWR);
    for (;;) {
      const size_t next = next_.fetch_add(1);
      if (next >= order_.size() || failed_) break;
      Answer answer;
      answer.task = order_[next];
      Status status = run_task(tasks_[answer.task], reader, outputs, &answer);
      if (!status.ok()) {
        fail(status.take_error());
        break;
      }
      std::lock_guard<std::mutex> lock(mutex_);
      answers_.push_back(std::move(answer));
      changed_.notify_one();
    }
    std::lock_guard<std::mutex> lock(mutex_);
    --running_;
    changed_.notify_one();
  }

  Status run_task(const Task& task, PieceReader& reader, Handles& outputs, Answer* answer) {
    std::unique_ptr<JobRunner> runner;
    if (task.job != nullptr) {
      WHITTLE_ASSIGN(runner, JobRunner::begin(task.job->descriptor));
    }
    int fd = -1;
    if (task.writes) {
      WHITTLE_ASSIGN(fd, outputs.get(task.target.path, task.target.shown));
    }
    uint64_t written = 0;
    auto write = [&](std::span<const uint8_t> bytes) -> Status {
      if (bytes.empty()) return {};
      if (!task.writes) return internal_error("a scan gave output");
      if (wants_crc_) answer->crc = crc32(answer->crc, bytes);
      WHITTLE_CHECK(write_at(fd, task.target.offset + written, bytes, task.target.shown));
      written += bytes.size();
      return {};
    };
    auto push = [&](std::span<const uint8_t> bytes) -> Status {
      if (failed_) return cancelled();
      if (runner == nullptr) {
        WHITTLE_CHECK(write(bytes));
      } else {
        WHITTLE_CHECK(runner->push(bytes));
        WHITTLE_CHECK(write(runner->take()));
      }
      moved_ += bytes.size();
      return {};
    };
    WHITTLE_CHECK(reader.read(task.pieces, push));
    if (runner != nullptr) {
      WHITTLE_ASSIGN(answer->result, runner->end());
      WHITTLE_CHECK(write(runner->take()));
    }
    if (task.writes && written != task.size) return internal_error(cat("a piece has ", written, " bytes, not ", task.size));
    return {};
  }

  const Source& source_;
  std::vector<Task> tasks_;
  bool wants_crc_;
  std::vector<size_t> order_;
  uint64_t total_ = 0;
  std::atomic<size_t> next_{0};
  std::atomic<uint64_t> moved_{0};
  std::atomic<bool> failed_{false};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Answer> answers_;
  std::unique_ptr<Error> error_;
  size_t running_ = 0;
};

class Run {
 public:
  Run(const Source& source, const std::string& request, Sink* sink, int workers,
      const std::function<void(const Progress&)>& on_progress)
      : source_(source), session_(request), sink_(sink), workers_(workers), on_progress_(on_progress), reader_(source) {}

  Result<std::string> go() {
    for (;;) {
      if (stop_requested()) return cancelled();
      switch (session_.step()) {
        case State::kNeed: WHITTLE_CHECK(feed()); break;
        case State::kJobs: WHITTLE_CHECK(scan()); break;
        case State::kPlanned: WHITTLE_CHECK(write()); break;
        case State::kProgress: break;
        case State::kDone:
          if (sink_ != nullptr) WHITTLE_CHECK(sink_->finish(crcs_));
          return session_.report();
        case State::kError: return Error(session_.error());
      }
      tell(session_.phase(), session_.progress() * 0.1, 0, 0);
    }
  }

 private:
  Status feed() {
    const std::vector<FileRange> needs = session_.needs();
    std::vector<uint8_t> bytes;
    for (const FileRange& range : needs) {
      bytes.resize(range.length);
      WHITTLE_CHECK(reader_.read(range, bytes));
      WHITTLE_CHECK(session_.provide(range, bytes));
      if (stop_requested()) return cancelled();
    }
    return {};
  }

  Status scan() {
    const std::vector<JobView> jobs = session_.jobs();
    std::vector<Task> tasks;
    for (const JobView& job : jobs) {
      Task task;
      task.job = &job;
      task.pieces = job.pieces;
      task.input = job.input_bytes;
      tasks.push_back(std::move(task));
    }
    return run_tasks(std::move(tasks), "scanning", 0.1, 0.45);
  }

  Status write() {
    const std::vector<OutputFile> outputs = session_.outputs();
    const std::vector<JobView> jobs = session_.jobs();
    WHITTLE_CHECK(sink_->begin(outputs));
    std::map<uint32_t, const JobView*> by_id;
    for (const JobView& job : jobs) by_id[job.id] = &job;

    Handles handles(O_RDWR);
    std::vector<Task> tasks;
    piece_crcs_.clear();
    for (size_t file = 0; file < outputs.size(); ++file) {
      piece_crcs_.emplace_back(outputs[file].segments.size(), 0);
      uint64_t offset = 0;
      for (size_t segment = 0; segment < outputs[file].segments.size(); ++segment) {
        const Segment& s = outputs[file].segments[segment];
        const Sink::Target target = sink_->target(file, offset);
        offset += s.size;
        if (s.kind == Segment::Kind::kLiteral) {
          const std::span<const uint8_t> bytes = session_.literal(file, segment);
          WHITTLE_ASSIGN(const int fd, handles.get(target.path, target.shown));
          WHITTLE_CHECK(write_at(fd, target.offset, bytes, target.shown));
          if (sink_->wants_crc()) piece_crcs_[file][segment] = crc32(0, bytes);
          continue;
        }
        Task task;
        task.writes = true;
        task.target = target;
        task.size = s.size;
        task.file = file;
        task.segment = segment;
        if (s.kind == Segment::Kind::kJob) {
          task.job = by_id[s.job];
          if (task.job == nullptr) return internal_error("an output names no job");
          task.pieces = task.job->pieces;
          task.input = task.job->input_bytes;
        } else {
          task.pieces = {FilePiece{s.copy, s.copy.length, 1}};
          task.input = s.size;
        }
        tasks.push_back(std::move(task));
      }
    }
    handles.close_all();
    WHITTLE_CHECK(run_tasks(std::move(tasks), "writing", 0.45, 1));
    crcs_.clear();
    for (size_t file = 0; file < outputs.size(); ++file) {
      uint32_t crc = 0;
      for (size_t segment = 0; segment < outputs[file].segments.size(); ++segment) {
        crc = crc32_combine(crc, piece_crcs_[file][segment], outputs[file].segments[segment].size);
      }
      crcs_.push_back(crc);
    }
    return {};
  }

  Status run_tasks(std::vector<Task> tasks, const std::string& phase, double from, double to) {
    Pool pool(source_, std::move(tasks), sink_ != nullptr && sink_->wants_crc());
    return pool.run(
        workers_,
        [&](const Answer& answer) -> Status {
          const Task& task = pool.tasks()[answer.task];
          if (task.writes) piece_crcs_[task.file][task.segment] = answer.crc;
          return task.job != nullptr ? session_.job_done(task.job->id, answer.result) : Status();
        },
        [&](uint64_t done, uint64_t total) {
          tell(phase, from + (to - from) * (total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1), done, total);
        });
  }

  void tell(const std::string& phase, double fraction, uint64_t done, uint64_t total) {
    fraction_ = std::max(fraction_, fraction);
    on_progress_({phase, fraction_, done, total});
  }

  const Source& source_;
  Session session_;
  Sink* sink_;
  int workers_;
  const std::function<void(const Progress&)>& on_progress_;
  PieceReader reader_;
  std::vector<std::vector<uint32_t>> piece_crcs_;
  std::vector<uint32_t> crcs_;
  double fraction_ = 0;
};

}  // namespace

Result<std::string> run_session(const Source& source, const std::string& request, Sink* sink, int workers,
                                const std::function<void(const Progress&)>& on_progress) {
  return Run(source, request, sink, workers, on_progress).go();
}

}  // namespace whittle
