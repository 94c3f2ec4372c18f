#include "cli/foreground.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

namespace mesh::cli {
namespace {

class Ignored {
 public:
  explicit Ignored(int signal) : signal_(signal) {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(signal, &ignore, &before_);
  }
  ~Ignored() { ::sigaction(signal_, &before_, nullptr); }
  Ignored(const Ignored&) = delete;
  Ignored& operator=(const Ignored&) = delete;

 private:
  const int signal_;
  struct sigaction before_ {};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

}  // namespace

int run_in_foreground(Foreground program) {
  std::vector<std::string> environment = std::move(program.environment);
  for (char** variable = environ; *variable != nullptr; ++variable)
    // Behind the given ones: of two that have a name, getenv finds the first.
    environment.emplace_back(*variable);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  // An ignored signal stays ignored across exec.
  for (const int signal : {SIGPIPE, SIGINT, SIGQUIT}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (program.input >= 0) posix_spawn_file_actions_adddup2(&actions, program.input, STDIN_FILENO);
  // Ctrl-C is for the program that has the terminal; this one waits for its end, as system(3) does.
  const Ignored interrupt(SIGINT), quit(SIGQUIT);
  pid_t pid = -1;
  const int refused = ::posix_spawnp(&pid, program.words.at(0).c_str(), &actions, &attributes,
                                     pointers(program.words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (refused != 0) {
    errno = refused;
    return -1;
  }
  // The program reads its input while this runs: a pipe holds less than what a pager is given.
  if (program.meanwhile) program.meanwhile();
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

}  // namespace mesh::cli
