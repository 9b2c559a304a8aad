// whittle_measure RESULT COMMAND ARGUMENT…: runs a command and writes {"seconds", "peak_bytes", "exit"} to the file RESULT.
//
//   seconds     from before its process starts until it has ended
//   peak_bytes  the largest resident set of the command or of a process it started and waited for
//
// A small program of its own: a process inherits the resident set of the one that forks it, so neither a shell nor Node
// could ask for this.
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

double now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "whittle_measure RESULT COMMAND...\n");
    return 2;
  }
  const double started = now();
  const pid_t child = fork();
  if (child == 0) {
    execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) {
    std::perror("whittle_measure");
    return 1;
  }
  const double seconds = now() - started;
  rusage usage{};
  getrusage(RUSAGE_CHILDREN, &usage);

  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  FILE* file = std::fopen(argv[1], "w");
  if (!file) return 1;
  std::fprintf(file, "{\"seconds\": %.6f, \"peak_bytes\": %lld, \"exit\": %d}\n", seconds,
               static_cast<long long>(usage.ru_maxrss) * 1024, code);
  std::fclose(file);
  return code;
}
