#include "scan_jobs.h"

#include "whittle/quant.h"
#include "whittle/text.h"

namespace whittle {
namespace {

Job scan_job(const TensorRef& ref, uint64_t channels, uint64_t inner) {
  Job job;
  job.kind = JobKind::kScan;
  job.tensor = ref;
  job.channels = channels;
  job.inner = inner;
  return job;
}

// The storage is part of the key by address: entries hold the tensor, so addresses stay unique.
std::string memory_key(const Job& job) {
  std::string key = cat("m", reinterpret_cast<uintptr_t>(job.tensor.storage_id()), ":", job.channels, ":", job.inner);
  for (const Step& s : job.tensor.steps()) {
    key += cat("/", static_cast<int>(s.kind), ":", static_cast<int>(s.dtype), ":", s.inner, ":",
               reinterpret_cast<uintptr_t>(s.values.get()));
  }
  return key;
}

}  // namespace

// Descriptors say everything about a job on files; the name is left out, for equal bytes are equal.
std::string ScanJobs::key_of(const Job& job) {
  if (job.tensor.kind() != TensorRef::Kind::kFile) return memory_key(job);
  Job nameless = job;
  nameless.name.clear();
  Result<std::vector<uint8_t>> bytes = serialize_job(nameless);
  if (!bytes.ok()) return memory_key(job);
  return std::string(bytes.value().begin(), bytes.value().end());
}

void ScanJobs::want(const TensorRef& ref, uint64_t channels, uint64_t inner, std::string_view name) {
  Job job = scan_job(ref, channels, inner);
  if (ref.kind() != TensorRef::Kind::kFile) return;  // in memory: nothing to fetch
  if (ref.byte_size() <= kSmallTensor) {
    want_stored(ref, ctx_);
    return;
  }
  const std::string key = key_of(job);
  if (!entries_.emplace(key, Entry()).second) return;
  job.name = std::string(name);
  wanted_.push_back(std::move(job));
}

Result<const ScanResult*> ScanJobs::scan(const TensorRef& ref, uint64_t channels, uint64_t inner,
                                         std::string_view name) {
  Job job = scan_job(ref, channels, inner);
  const std::string key = key_of(job);
  auto it = entries_.find(key);
  if (it != entries_.end() && it->second.ready) return &it->second.result;
  if (ref.kind() == TensorRef::Kind::kFile && ref.byte_size() > kSmallTensor) {
    want(ref, channels, inner, name);
    return Error{Code::kNeedBytes, cat("tensor ", printable(name), " has to be scanned"), {}};
  }
  WHITTLE_ASSIGN(ScanResult result, scan_in_memory(ref, channels, inner, ctx_));
  Entry& entry = entries_[key];
  entry.ready = true;
  entry.result = std::move(result);
  keep_.push_back(ref);
  return &entry.result;
}

std::vector<Job> ScanJobs::take_wanted() {
  std::vector<Job> out;
  out.swap(wanted_);
  waiting_ += out.size();
  return out;
}

void ScanJobs::done(const Job& job, ScanResult result) {
  Entry& entry = entries_[key_of(job)];
  entry.ready = true;
  entry.result = std::move(result);
  if (waiting_ > 0) --waiting_;
}

}  // namespace whittle
