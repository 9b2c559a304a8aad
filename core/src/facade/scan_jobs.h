// scan_jobs.h: the ScanStore of a Session: small tensors are scanned at once, large ones by jobs.
#ifndef WHITTLE_FACADE_SCAN_JOBS_H_
#define WHITTLE_FACADE_SCAN_JOBS_H_

#include <map>
#include <string>
#include <vector>

#include "whittle/context.h"
#include "whittle/pass.h"

namespace whittle {

// Up to this size the bytes are worth keeping in the cache: they will be read again as weights.
constexpr uint64_t kSmallTensor = 64 << 10;

class ScanJobs final : public ScanStore {
 public:
  explicit ScanJobs(Context& ctx) : ctx_(ctx) {}

  Result<const ScanResult*> scan(const TensorRef& ref, uint64_t channels, uint64_t inner,
                                 std::string_view name) override;
  void want(const TensorRef& ref, uint64_t channels, uint64_t inner, std::string_view name) override;

  // Jobs that are wanted and have not been handed out.
  std::vector<Job> take_wanted();
  // The result of a job that take_wanted() gave.
  void done(const Job& job, ScanResult result);
  bool waiting() const { return waiting_ != 0; }

 private:
  struct Entry { bool ready = false; ScanResult result; };
  static std::string key_of(const Job& job);

  Context& ctx_;
  std::map<std::string, Entry> entries_;  // by descriptor
  std::vector<Job> wanted_;
  std::vector<TensorRef> keep_;  // so that addresses in keys stay unique
  size_t waiting_ = 0;
};

}  // namespace whittle

#endif  // WHITTLE_FACADE_SCAN_JOBS_H_
