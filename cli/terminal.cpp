#include "cli/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace mesh::cli {
namespace {

int width_of(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Terminal detect_terminal() {
  Terminal terminal;
  terminal.in = ::isatty(0) == 1;
  terminal.out = ::isatty(1) == 1;
  terminal.err = ::isatty(2) == 1;
  terminal.out_width = width_of(1);
  terminal.err_width = width_of(2);
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  terminal.color = terminal.out && (no_color == nullptr || *no_color == '\0') &&
                   (term == nullptr || std::string_view(term) != "dumb");
  return terminal;
}

bool reader_has_gone() {
  pollfd out{1, POLLOUT, 0};
  return ::poll(&out, 1, 0) == 1 && (out.revents & POLLERR) != 0;
}

void await_reader_gone() {
  pollfd out{1, 0, 0};
  while (::poll(&out, 1, -1) != 1) {
  }
}

}  // namespace mesh::cli
