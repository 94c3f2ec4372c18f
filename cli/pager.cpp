#include "cli/pager.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "cli/foreground.h"
#include "common/base/fd.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

constexpr int kNotFound = 127, kNotRunnable = 126;  // the shell's

// A program and its arguments; by the shell where there is more to it than words.
std::vector<std::string> words_of(const std::string& command) {
  if (command.find_first_of("|&;<>()$`\\\"'*?[#~=%\n") != command.npos) {
    return {"/bin/sh", "-c", command};
  }
  std::vector<std::string> words;
  for (auto& word : split(command, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

// Until all is written, or the pager has ended.
void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    // EPIPE: the pager has ended, which the caller wants to know no more of.
    if (written < 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

std::string pager_command(const std::function<const char*(const char*)>& env) {
  for (const char* name : {"MESH_PAGER", "PAGER"}) {
    if (const char* value = env(name); value != nullptr) {
      const std::string command(trim(value));
      // It would change nothing, and costs a process.
      return command == "cat" ? std::string() : command;
    }
  }
  return "less";
}

bool run_pager(const std::string& command, std::string_view text) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return false;
  Fd from(ends[0]), to(ends[1]);
  Foreground pager{.words = words_of(command), .input = from.get()};
  // As git does: ends by itself where all fits, keeps colours, leaves the text on the screen.
  if (std::getenv("LESS") == nullptr) pager.environment.emplace_back("LESS=FRX");
  // Whoever leaves the pager early has read enough.
  const auto on_pipe = std::signal(SIGPIPE, SIG_IGN);
  pager.meanwhile = [&] {
    // Else this process would keep the pipe's reading end open, and a write to it never fail.
    from.close();
    write_all(to.get(), text);
    to.close();
  };
  const int status = run_in_foreground(std::move(pager));
  std::signal(SIGPIPE, on_pipe);
  return status >= 0 && !(WIFEXITED(status) && (WEXITSTATUS(status) == kNotFound ||
                                                WEXITSTATUS(status) == kNotRunnable));
}

}  // namespace mesh::cli
