#include "stop.h"

#include <unistd.h>

#include <csignal>
#include <initializer_list>

namespace whittle {
namespace {

volatile std::sig_atomic_t requested = 0;

void on_signal(int) {
  if (requested) ::_exit(130);
  requested = 1;
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action = {};
  action.sa_handler = on_signal;
  for (int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(signal, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

bool stop_requested() { return requested != 0; }

}  // namespace whittle
