// stop.h: SIGINT, SIGTERM and SIGHUP ask a run to end; a second one ends the program. A closed pipe is no signal here.
#ifndef WHITTLE_TOOLS_STOP_H_
#define WHITTLE_TOOLS_STOP_H_

namespace whittle {

void install_signal_handlers();
bool stop_requested();

}  // namespace whittle

#endif  // WHITTLE_TOOLS_STOP_H_
