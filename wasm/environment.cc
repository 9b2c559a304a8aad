// environment.cc: there is no environment in a browser.
//
// libc++'s locales, which protobuf's stream functions pull in, ask for LC_ALL. With libc's getenv the module would import
// two more functions from its host; with this one it does not.
extern "C" char* getenv(const char*) { return nullptr; }
