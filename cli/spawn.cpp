#include "cli/spawn.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <string_view>

namespace mesh::cli {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

// Each name once: programs differ in which of two they take.
std::vector<std::string> environment_with(std::vector<std::string> all) {
  const auto given = static_cast<std::ptrdiff_t>(all.size());
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const auto name = variable.substr(0, variable.find('=') + 1);
    const bool replaced =
        std::any_of(all.begin(), all.begin() + given,
                    [name](const std::string& other) { return other.starts_with(name); });
    if (!replaced) all.emplace_back(variable);
  }
  return all;
}

}  // namespace

pid_t spawn(Spawn program) {
  auto environment = environment_with(std::move(program.environment));
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  // An ignored signal stays ignored across exec.
  for (const int signal : {SIGPIPE, SIGINT, SIGQUIT}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(
      &attributes,
      static_cast<short>(POSIX_SPAWN_SETSIGDEF | (program.own_group ? POSIX_SPAWN_SETPGROUP : 0)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Descriptors here are closed by exec; these copies are not.
  const int streams[] = {program.in, program.out, program.err};
  for (int number = 0; number < 3; ++number) {
    if (streams[number] >= 0) posix_spawn_file_actions_adddup2(&actions, streams[number], number);
  }
  if (!program.folder.empty())
    posix_spawn_file_actions_addchdir_np(&actions, program.folder.c_str());
  pid_t pid = -1;
  const int refused = ::posix_spawnp(&pid, program.words.at(0).c_str(), &actions, &attributes,
                                     pointers(program.words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (refused == 0) return pid;
  errno = refused;
  return -1;
}

int await_end(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

int exit_code_of(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace mesh::cli
