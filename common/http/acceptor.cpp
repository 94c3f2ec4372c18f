#include "common/http/acceptor.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/http/bind.h"
#include "common/telemetry/log.h"

namespace mesh::http {
namespace {

constexpr int kShare = 128;  // connections of one turn
constexpr Duration kPause{1'000};
// How many at once hear why they are not served, and get time to read it; any more are closed.
constexpr int kMostTurnedAway = 256;

}  // namespace

Status Acceptor::watch() {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = static_cast<Watched*>(this);
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_.get(), &event) == 0) return {};
  return fail(ErrorKind::unavailable, "cannot listen on " + listener_.address,
              std::string("epoll_ctl: ") + std::strerror(errno));
}

void Acceptor::on_events(std::uint32_t) {
  for (int share = kShare; share > 0; --share) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    Fd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                    SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      place({std::move(fd), format_address(peer), &listener_});
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return pause();
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    }
    // Anything else concerns the one connection that is lost.
  }
}

void Acceptor::place(Accepted accepted) {
  Core& core = loop_.core();
  accepted.over = core.connections.fetch_add(1) >= core.options.max_connections;
  if (accepted.over) {
    core.connections.fetch_sub(1);
    if (core.turned_away.fetch_add(1) >= kMostTurnedAway) {
      core.turned_away.fetch_sub(1);
      return core.metrics.rejected("connections");
    }
  } else {
    core.metrics.connections.add(1);
  }
  Loop* least = core.loops.front().get();
  for (const auto& loop : core.loops) {
    if (loop->load() < least->load()) least = loop.get();
  }
  least->count(1);
  if (least == &loop_) {
    loop_.add(std::move(accepted));
  } else {
    least->inbox()->push(std::move(accepted));
  }
}

void Acceptor::pause() {
  loop_.core().metrics.rejected("file_descriptors");
  log::error("cannot accept connections: raise the limit of open files (LimitNOFILE)",
             {{"address", listener_.address}, {"cause", std::strerror(errno)}});
  epoll_event event{};
  event.data.ptr = static_cast<Watched*>(this);
  paused_ = ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_.get(), &event) == 0;
  paused_until_ = loop_.now() + kPause;
}

void Acceptor::resume() {
  if (loop_.now() < paused_until_) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = static_cast<Watched*>(this);
  paused_ = ::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd_.get(), &event) != 0;
}

}  // namespace mesh::http
