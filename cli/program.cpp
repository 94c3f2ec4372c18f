#include "cli/program.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>

#include "cli/files.h"
#include "cli/interrupt.h"
#include "cli/spawn.h"
#include "common/base/strings.h"

namespace mesh::cli {
namespace {

constexpr std::size_t kMostOutput = std::size_t{64} << 20;
// How often a program that says nothing is looked after; an interruption waits at most so long.
constexpr int kSliceMs = 50;

// A text to be read, in memory alone; /dev/null for none.
Result<Fd> input_of(const std::string& text) {
  if (text.empty()) {
    Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null) return system_error("open", "/dev/null");
    return null;
  }
  Fd memory(::memfd_create("input", MFD_CLOEXEC));
  if (!memory) return fail(ErrorKind::internal, "no memory for a program's input");
  for (std::string_view rest = text; !rest.empty();) {
    const ssize_t n = ::write(memory.get(), rest.data(), rest.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorKind::internal, "no memory for a program's input");
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0)
    return fail(ErrorKind::internal, "a program's input cannot be read again");
  return memory;
}

struct Pipe {
  Fd from, to;
};
Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorKind::internal, "no pipe can be made");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

Result<pid_t> started(const Program& program, int out, int err) {
  if (InterruptGuard::interrupted()) return fail(ErrorKind::cancelled, "interrupted");
  const Fd in = MESH_TRY(input_of(program.input));
  const pid_t pid = spawn({.words = program.words,
                           .environment = program.environment,
                           .in = in.get(),
                           .out = out,
                           .err = err,
                           .folder = program.folder,
                           .own_group = true});
  if (pid < 0) {
    return fail(ErrorKind::internal,
                "cannot run " + program.words.front() + ": " + std::strerror(errno));
  }
  return pid;
}

// Passes the first interruption on.
class Interruptions {
 public:
  Interruptions(pid_t pid, const std::function<void(pid_t)>& told) : pid_(pid), told_(told) {}
  void look() {
    if (passed_ || !InterruptGuard::interrupted()) return;
    passed_ = true;
    ::kill(pid_, SIGINT);
    if (told_) told_(pid_);
  }
  bool passed() const { return passed_; }

 private:
  const pid_t pid_;
  const std::function<void(pid_t)>& told_;
  bool passed_ = false;
};

// What is there; false at the end.
bool take(int fd, std::string& into) {
  char buffer[65536];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  if (n > 0) into.append(buffer, static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

class Lines {
 public:
  explicit Lines(const std::function<void(const std::string&)>& told) : told_(told) {}
  void add(std::string_view text) {
    rest_ += text;
    std::size_t begin = 0;
    for (auto end = rest_.find('\n'); end != rest_.npos; end = rest_.find('\n', begin)) {
      tell(rest_.substr(begin, end - begin));
      begin = end + 1;
    }
    rest_.erase(0, begin);
  }
  void end() {
    if (!rest_.empty()) tell(std::exchange(rest_, {}));
  }

 private:
  void tell(std::string line) {
    if (line.ends_with('\r')) line.pop_back();
    if (told_) told_(line);
  }
  const std::function<void(const std::string&)>& told_;
  std::string rest_;
};

}  // namespace

bool has_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  for (const auto& folder : split(path == nullptr ? "" : path, ':')) {
    if (::access((folder + "/" + name).c_str(), X_OK) == 0) return true;
  }
  return false;
}

Result<Ended> run_program(const Program& program) {
  Pipe out = MESH_TRY(make_pipe());
  Pipe err = MESH_TRY(make_pipe());
  const pid_t pid = MESH_TRY(started(program, out.to.get(), err.to.get()));
  // While this process has the writing ends, their end would never come.
  out.to.close();
  err.to.close();
  Interruptions interruptions(pid, {});
  Ended ended;
  bool too_large = false;
  pollfd ends[] = {{out.from.get(), POLLIN, 0}, {err.from.get(), POLLIN, 0}};
  std::string* texts[] = {&ended.out, &ended.err};
  while (ends[0].fd >= 0 || ends[1].fd >= 0) {
    interruptions.look();
    if (::poll(ends, 2, kSliceMs) <= 0) continue;
    for (int i = 0; i < 2; ++i) {
      if (ends[i].revents == 0) continue;
      if (!take(ends[i].fd, *texts[i])) ends[i].fd = -1;
      if (texts[i]->size() <= kMostOutput) continue;
      too_large = true;
      texts[i]->clear();
      ::kill(pid, SIGTERM);
    }
  }
  ended.code = exit_code_of(await_end(pid));
  if (too_large) {
    return fail(ErrorKind::too_large, program.words.front() + " answers more than 64 MiB");
  }
  if (interruptions.passed()) return fail(ErrorKind::cancelled, "interrupted");
  return ended;
}

bool succeeds(std::vector<std::string> words) {
  const auto ended = run_program({.words = std::move(words)});
  return ended && ended->code == 0;
}

Result<Ended> run_logged(const Program& program, const Watched& watched) {
  const Fd log(::open(watched.log.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!log) return system_error("write", watched.log);
  const Fd reader(::open(watched.log.c_str(), O_RDONLY | O_CLOEXEC));
  if (!reader || ::lseek(reader.get(), 0, SEEK_END) < 0) return system_error("read", watched.log);
  const pid_t pid = MESH_TRY(started(program, log.get(), log.get()));
  Interruptions interruptions(pid, watched.on_interrupt);
  Lines lines(watched.on_line);
  int status = 0;
  for (bool ended = false;;) {
    std::string text;
    while (take(reader.get(), text)) {
      lines.add(text);
      text.clear();
    }
    if (ended) break;
    interruptions.look();
    // Once it has ended, what it wrote last is read.
    ended = ::waitpid(pid, &status, WNOHANG) == pid;
    // A file cannot be polled for growth; a signal ends the wait early.
    if (!ended) (void)::poll(nullptr, 0, kSliceMs);
  }
  lines.end();
  if (interruptions.passed()) return fail(ErrorKind::cancelled, "interrupted");
  return Ended{.code = exit_code_of(status)};
}

Result<Background> Background::start(const Program& program) {
  Pipe out = MESH_TRY(make_pipe());
  Pipe err = MESH_TRY(make_pipe());
  const pid_t pid = MESH_TRY(started(program, out.to.get(), err.to.get()));
  ::fcntl(err.from.get(), F_SETFL, O_NONBLOCK);
  return Background(pid, std::move(out.from), std::move(err.from));
}

Background::Background(Background&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      out_(std::move(other.out_)),
      err_(std::move(other.err_)),
      rest_(std::move(other.rest_)) {}

Background::~Background() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  (void)await_end(pid_);
}

std::optional<std::string> Background::line(int seconds) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  pollfd end{out_.get(), POLLIN, 0};
  for (;;) {
    if (const auto at = rest_.find('\n'); at != rest_.npos) {
      std::string line = rest_.substr(0, at);
      rest_.erase(0, at + 1);
      return line;
    }
    if (InterruptGuard::interrupted() || std::chrono::steady_clock::now() > give_up) return {};
    if (::poll(&end, 1, kSliceMs) == 1 && !take(out_.get(), rest_)) return {};
  }
}

std::string Background::errors() {
  std::string text;
  // Until it is empty for now.
  for (std::size_t before = std::string::npos; before != text.size();) {
    before = text.size();
    (void)take(err_.get(), text);
  }
  return text;
}

}  // namespace mesh::cli
