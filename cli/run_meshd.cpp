#include "cli/run_meshd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "cli/spawn.h"
#include "common/base/fd.h"

namespace mesh::cli {

namespace {

// A damaged data folder may have much to report.
constexpr JsonLimits kReport{.max_depth = 32, .max_bytes = std::size_t{64} << 20};

}  // namespace

Result<Ran> run_meshd(const std::vector<std::string>& arguments) {
  std::error_code unreadable;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", unreadable);
  // The one that was installed with this tool knows the same files.
  const auto beside = self.parent_path() / "meshd";
  const std::string program =
      !unreadable && std::filesystem::exists(beside) ? beside.string() : "meshd";
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  words.emplace_back("--json");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorKind::internal, "no pipe can be made");
  const Fd from(ends[0]);
  Fd to(ends[1]);
  const pid_t pid = spawn({.words = std::move(words), .out = to.get()});
  const int error = errno;
  // While this process has the writing end, the read below would never see the end.
  to.close();
  if (pid < 0) {
    return fail(ErrorKind::internal, "cannot run " + program +
                                         ", which knows the files: " + std::strerror(error) +
                                         "; put meshd beside mesh, or on $PATH");
  }
  std::string out;
  char buffer[65536];
  // All of it before waitpid: a report longer than the pipe would hold meshd up for ever.
  for (;;) {
    const auto n = ::read(from.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    out.append(buffer, static_cast<std::size_t>(n));
  }
  const int exit_code = exit_code_of(await_end(pid));
  auto report = parse_json(out, kReport);
  if (!report || !report->is_object()) {
    return fail(ErrorKind::conflict,
                program + " ended with exit code " + std::to_string(exit_code) + " and no report");
  }
  if (const auto why = report->find("error"); why != report->end() && why->is_string()) {
    const auto text = [&](const char* name) {
      const auto at = report->find(name);
      return at != report->end() && at->is_string() ? at->get<std::string>() : std::string();
    };
    return fail(error_kind(text("kind")).value_or(ErrorKind::internal), why->get<std::string>(),
                text("cause"));
  }
  return Ran{exit_code, std::move(*report)};
}

}  // namespace mesh::cli
