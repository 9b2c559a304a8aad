// run.h: one run of the core on this machine's files: the loop of whittle.h with reads and jobs in threads.
//
// Outputs go to `sink` at their final offsets, whatever the order in which jobs end. When it fails, the sink's destructor
// removes what was written.
#ifndef WHITTLE_TOOLS_RUN_H_
#define WHITTLE_TOOLS_RUN_H_

#include <functional>
#include <string>

#include "files.h"
#include "sink.h"

namespace whittle {

struct Progress {
  std::string phase;
  double fraction = 0;  // over the whole run
  uint64_t bytes_done = 0, bytes_total = 0;
};

// The report, as JSON text. Errors: what the core says, io, cancelled (stop.h).
Result<std::string> run_session(const Source& source, const std::string& request, Sink* sink, int workers,
                                const std::function<void(const Progress&)>& on_progress);

}  // namespace whittle

#endif  // WHITTLE_TOOLS_RUN_H_
