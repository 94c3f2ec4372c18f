#include "cli/bundle/local.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include "cli/commands/check_data.h"
#include "cli/files.h"
#include "common/base/fd.h"
#include "common/base/json.h"
#include "common/base/strings.h"

extern char** environ;

namespace mesh::cli {
namespace {

constexpr std::size_t kMost = 8 << 20;  // bytes of what a program prints
constexpr std::chrono::seconds kProgramPatience{30};
constexpr std::chrono::seconds kHeldUp{5};  // the process meanwhile

struct Printed {
  int exit_code = -1;
  std::string text;  // stdout and stderr
};

// Ends the program where it takes longer than `patience` or prints more than kMost. `not_found`
// where there is no such program.
Result<Printed> run_program(const std::vector<std::string>& words,
                            std::chrono::seconds patience = kProgramPatience) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorKind::internal, "no pipe can be made");
  const Fd from(ends[0]);
  Fd to(ends[1]);
  std::vector<char*> argv;
  for (const auto& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  // eu-stack and gdb would ask the servers that this names for symbols.
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("DEBUGINFOD_URLS="))
      variables.push_back(*variable);
  }
  variables.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, to.get(), 1);
  posix_spawn_file_actions_adddup2(&actions, to.get(), 2);
  pid_t pid = -1;
  const int error = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  to.close();
  if (error != 0)
    return fail(ErrorKind::not_found, "cannot run " + words[0] + ": " + std::strerror(error));
  Printed printed;
  bool too_much = false;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  char buffer[65536];
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd ready{from.get(), POLLIN, 0};
    const int any = left.count() > 0 ? ::poll(&ready, 1, static_cast<int>(left.count())) : 0;
    if (any < 0 && errno == EINTR) continue;
    const auto n = any > 0 ? ::read(from.get(), buffer, sizeof buffer) : -1;
    too_much = any <= 0 || printed.text.size() > kMost;
    if (n <= 0 || too_much) break;
    printed.text.append(buffer, static_cast<std::size_t>(n));
  }
  if (too_much) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (too_much)
    return fail(ErrorKind::unavailable, words[0] + " did not come to its end and was stopped");
  printed.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return printed;
}

// One line of /proc, or "-".
std::string line_of(const std::string& path) {
  const auto text = read_file(path, 1 << 16);
  const std::string line(text ? trim(*text) : "");
  return line.empty() ? "-" : line;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text + "  ";
}

// By the kernel's list of locks, else, where that has none of the file, by the process's open
// files.
bool has_lock(pid_t pid, const std::string& path) {
  struct stat lock {};
  if (::stat(path.c_str(), &lock) != 0) return false;
  std::ifstream locks("/proc/locks");
  const std::string inode = ":" + std::to_string(lock.st_ino);
  bool listed = false;
  for (std::string line; std::getline(locks, line);) {
    // 1: FLOCK  ADVISORY  WRITE 4711 fd:01:131074 0 EOF
    std::istringstream fields(line);
    std::string number, kind, manner, access, holder, file;
    fields >> number >> kind >> manner >> access >> holder >> file;
    if (kind != "FLOCK" || !file.ends_with(inode)) continue;
    if (holder == std::to_string(pid)) return true;
    listed = true;
  }
  if (listed) return false;
  std::error_code unreadable;
  const std::string folder = "/proc/" + std::to_string(pid) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator(folder, unreadable)) {
    struct stat open {};
    if (::stat(entry.path().c_str(), &open) == 0 && open.st_dev == lock.st_dev &&
        open.st_ino == lock.st_ino)
      return true;
  }
  return false;
}

// State and processor seconds; the name before them may have spaces and brackets.
std::pair<std::string, std::string> state_and_time(const std::string& folder) {
  const std::string stat = line_of(folder + "/stat");
  const auto fields =
      split(std::string_view(stat).substr(std::min(stat.size(), stat.rfind(')') + 2)), ' ');
  if (fields.size() < 13) return {"-", "-"};
  const auto ticks = parse_int(fields[11]).value_or(0) + parse_int(fields[12]).value_or(0);
  return {fields[0],
          std::to_string(ticks / std::max<std::int64_t>(1, ::sysconf(_SC_CLK_TCK))) + "s"};
}

bool is_stopped(pid_t pid) { return state_and_time("/proc/" + std::to_string(pid)).first == "T"; }

}  // namespace

Result<pid_t> process_of(const std::string& data_dir) {
  const auto text = MESH_TRY(read_file(data_dir + "/run.json", 1 << 16));
  const auto run = MESH_TRY(parse_json(text));
  const Json& pid = at_path(run, "pid");
  if (!pid.is_number_integer() || !in_use(data_dir))
    return fail(ErrorKind::not_found, "no meshd runs on " + data_dir);
  const auto number = pid.get<std::int64_t>();
  if (number <= 0 || number > std::numeric_limits<pid_t>::max() ||
      line_of("/proc/" + std::to_string(number) + "/comm") != "meshd" ||
      !has_lock(static_cast<pid_t>(number), data_dir + "/LOCK")) {
    return fail(ErrorKind::not_found,
                "process " + std::to_string(number) + ", which " + data_dir +
                    "/run.json names, is not seen to be the meshd that holds " + data_dir +
                    "/LOCK: it runs elsewhere, or this user may not look");
  }
  return static_cast<pid_t>(number);
}

Result<std::string> threads_of(pid_t pid) {
  const std::string tasks = "/proc/" + std::to_string(pid) + "/task";
  std::error_code gone;
  std::vector<std::string> ids;
  for (const auto& entry : std::filesystem::directory_iterator(tasks, gone))
    ids.push_back(entry.path().filename().string());
  if (gone || ids.empty())
    return fail(ErrorKind::not_found, "process " + std::to_string(pid) + " is gone");
  std::ranges::sort(ids, {}, [](const std::string& id) { return parse_int(id).value_or(0); });
  std::string text =
      padded("ID", 8) + padded("NAME", 16) + padded("STATE", 5) + padded("TIME", 6) + "WAITS IN\n";
  for (const auto& id : ids) {
    const std::string folder = tasks + "/" + id;
    const auto [state, time] = state_and_time(folder);
    text += padded(id, 8) + padded(line_of(folder + "/comm"), 16) + padded(state, 5) +
            padded(time, 6) + line_of(folder + "/wchan") + "\n";
  }
  return text;
}

Result<std::string> stacks_of(pid_t pid) {
  const std::string number = std::to_string(pid);
  const std::vector<std::string> programs[] = {
      {"eu-stack", "-p", number},
      {"gdb", "-nx", "-batch", "-ex", "set print frame-arguments none", "-ex", "set pagination off",
       "-ex", "thread apply all backtrace", "-p", number}};
  for (const auto& words : programs) {
    const bool stopped = is_stopped(pid);
    auto printed = run_program(words, kHeldUp);
    // A debugger that was ended may leave it stopped.
    if (!stopped && is_stopped(pid)) ::kill(pid, SIGCONT);
    if (!printed && printed.error().kind == ErrorKind::not_found) continue;
    if (!printed) return fail(printed.error());
    // gdb ends with 0 where it may not attach.
    if (printed->exit_code == 0 && printed->text.find("#0") != std::string::npos)
      return std::move(printed->text);
    return fail(ErrorKind::unavailable,
                words[0] + " shows no stacks: " + std::string(trim(printed->text.substr(0, 300))));
  }
  return fail(ErrorKind::not_found, "neither eu-stack nor gdb is installed");
}

Result<std::string> journal_of(pid_t pid, int lines) {
  const std::string number = std::to_string(pid);
  auto printed =
      MESH_TRY(run_program({"journalctl", "_PID=" + number, "--lines", std::to_string(lines),
                            "--no-pager", "--quiet", "--output", "short-iso"}));
  if (printed.exit_code != 0) {
    return fail(ErrorKind::not_found,
                "journalctl: " + std::string(trim(printed.text.substr(0, 300))));
  }
  if (trim(printed.text).empty()) {
    return fail(ErrorKind::not_found,
                "the journal has nothing of process " + number + " that this user may read");
  }
  return std::move(printed.text);
}

}  // namespace mesh::cli
