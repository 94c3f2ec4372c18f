#include "cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>
#include <thread>

namespace mesh::cli {
namespace {

// As the kernel has it, or what terminals began with.
winsize size_of(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) size = {};
  if (size.ws_col == 0) size.ws_col = 80;
  if (size.ws_row == 0) size.ws_row = 24;
  return size;
}

}  // namespace

Terminal detect_terminal() {
  Terminal terminal;
  terminal.in = ::isatty(0) == 1;
  terminal.out = ::isatty(1) == 1;
  terminal.err = ::isatty(2) == 1;
  const winsize out = size_of(1);
  terminal.out_width = out.ws_col;
  terminal.out_height = out.ws_row;
  terminal.err_width = size_of(2).ws_col;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  terminal.color = terminal.out && (no_color == nullptr || *no_color == '\0') &&
                   (term == nullptr || std::string_view(term) != "dumb");
  return terminal;
}

bool reader_has_gone() {
  pollfd out{1, POLLOUT, 0};
  // POLLERR on a pipe: nobody has it open for reading any more.
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

void leave_with_reader() {
  std::thread([] {
    // No events asked for: POLLERR alone ends it, which poll always tells.
    pollfd out{1, 0, 0};
    while (::poll(&out, 1, -1) != 1) {
    }
    // exit(3) would take away the objects that the main thread works with.
    std::_Exit(EXIT_SUCCESS);
  }).detach();
}

}  // namespace mesh::cli
