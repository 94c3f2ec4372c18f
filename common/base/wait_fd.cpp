#include "common/base/wait_fd.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>

namespace mesh {

bool wait_fd(int fd, short events, std::optional<SteadyTime> deadline) {
  while (true) {
    int left = -1;
    if (deadline) {
      const auto rest = std::chrono::ceil<Duration>(*deadline - std::chrono::steady_clock::now());
      if (rest.count() <= 0) return false;
      left = static_cast<int>(std::min<Duration::rep>(rest.count(), 1 << 30));
    }
    pollfd ready{fd, events, 0};
    const int count = ::poll(&ready, 1, left);
    if (count > 0 || (count < 0 && errno != EINTR)) return true;
  }
}

}  // namespace mesh
