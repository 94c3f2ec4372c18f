#include "cli/editor.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace mesh::cli {

Status run_editor(const Surroundings& surroundings, const std::string& path) {
  std::string editor;
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = surroundings.env(name);
    if (editor.empty() && value != nullptr) editor = value;
  }
  if (editor.empty()) editor = "vi";
  // Through the shell, since it may have arguments: "code --wait".
  std::string script = editor + " \"$@\"";
  std::string shell = "sh", flag = "-c", file = path;
  char* const words[] = {shell.data(),  flag.data(), script.data(),
                         editor.data(), file.data(), nullptr};
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int signal : {SIGPIPE, SIGINT, SIGQUIT}) sigaddset(&defaults, signal);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  const auto on_int = std::signal(SIGINT, SIG_IGN), on_quit = std::signal(SIGQUIT, SIG_IGN);
  pid_t pid = -1;
  const int refused = ::posix_spawn(&pid, "/bin/sh", nullptr, &attributes, words, environ);
  posix_spawnattr_destroy(&attributes);
  int status = 0;
  while (refused == 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  std::signal(SIGINT, on_int);
  std::signal(SIGQUIT, on_quit);
  if (refused != 0) {
    return fail(ErrorKind::cancelled, std::string("cannot run /bin/sh: ") + std::strerror(refused));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorKind::cancelled,
              "the editor \"" + editor + "\" ended with " +
                  (WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                     : "signal " + std::to_string(WTERMSIG(status))) +
                  "; $VISUAL or $EDITOR names another one");
}

}  // namespace mesh::cli
