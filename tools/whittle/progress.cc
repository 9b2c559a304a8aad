#include "progress.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "whittle/text.h"

namespace whittle {

ProgressBar::ProgressBar(bool quiet) {
  const char* term = std::getenv("TERM");
  enabled_ = ::isatty(2) && !quiet && (term == nullptr || std::string_view(term) != "dumb");
}

void ProgressBar::show(const Progress& progress) {
  const auto now = std::chrono::steady_clock::now();
  if (!enabled_ || now - shown_ < std::chrono::milliseconds(80)) return;
  shown_ = now;
  open_ = true;
  const auto filled = static_cast<size_t>(std::clamp(progress.fraction, 0.0, 1.0) * 24);
  std::string line = cat("\r[", std::string(filled, '#'), std::string(24 - filled, '-'), "] ",
                         static_cast<int>(progress.fraction * 100), " %  ", progress.phase);
  if (progress.bytes_total > 0) {
    line += cat("  ", progress.bytes_done / 1'000'000, " of ", progress.bytes_total / 1'000'000, " MB");
  }
  std::fprintf(stderr, "%s\x1b[K", line.c_str());
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (open_) std::fputs("\r\x1b[K", stderr);
  open_ = false;
}

}  // namespace whittle
