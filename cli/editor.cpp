#include "cli/editor.h"

#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "cli/foreground.h"

namespace mesh::cli {

Status run_editor(const Surroundings& surroundings, const std::string& path) {
  std::string editor;
  // The order that git, crontab and less have.
  for (const char* name : {"VISUAL", "EDITOR"}) {
    const char* value = surroundings.env(name);
    if (editor.empty() && value != nullptr) editor = value;
  }
  if (editor.empty()) editor = "vi";
  // Through the shell, since it may have arguments: "code --wait".
  const int status =
      run_in_foreground({.words = {"/bin/sh", "-c", editor + " \"$@\"", editor, path}});
  if (status < 0) {
    return fail(ErrorKind::cancelled, std::string("cannot run /bin/sh: ") + std::strerror(errno));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return fail(ErrorKind::cancelled,
              "the editor \"" + editor + "\" ended with " +
                  (WIFEXITED(status) ? "exit code " + std::to_string(WEXITSTATUS(status))
                                     : "signal " + std::to_string(WTERMSIG(status))) +
                  "; $VISUAL or $EDITOR names another one");
}

}  // namespace mesh::cli
