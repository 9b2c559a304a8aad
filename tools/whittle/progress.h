// progress.h: the bar on stderr, on a terminal only.
#ifndef WHITTLE_TOOLS_PROGRESS_H_
#define WHITTLE_TOOLS_PROGRESS_H_

#include <chrono>

#include "run.h"

namespace whittle {

class ProgressBar {
 public:
  explicit ProgressBar(bool quiet);
  void show(const Progress& progress);
  void clear();

 private:
  bool enabled_;
  bool open_ = false;
  std::chrono::steady_clock::time_point shown_{};
};

}  // namespace whittle

#endif  // WHITTLE_TOOLS_PROGRESS_H_
