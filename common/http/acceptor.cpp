#include "common/http/acceptor.h"

#include <linux/filter.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/http/bind.h"
#include "common/telemetry/log.h"

namespace mesh::http {
namespace {

constexpr int kShare = 128;  // connections of one turn
// How long accepting rests when descriptors have run out: the socket stays readable meanwhile, and
// the loop would spin.
constexpr Duration kPause{1'000};

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
  // The socket is watched level-triggered: what is left after a turn is told of again, and the
  // connections of this loop have had theirs meanwhile.
  for (int share = kShare; share > 0; --share) {
    switch (accept()) {
      case Outcome::none:
        return;
      case Outcome::exhausted:
        return pause();
      default:
        break;
    }
  }
}

Acceptor::Outcome Acceptor::accept() {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  Fd fd(::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size,
                  SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) {
    place({std::move(fd), format_address(peer), &listener_});
    return Outcome::accepted;
  }
  if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
    return Outcome::exhausted;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) return Outcome::none;
  return Outcome::lost;  // concerns the one connection
}

// The kernel resets whoever has connected and was not accepted when the socket closes. So first a
// filter drops the packets that begin a connection (TCP flag SYN, in byte 13): their senders try
// again and find the port closed. Where it cannot be set, what is left is the moment between the
// last accept and the close.
void Acceptor::finish() {
  constexpr std::uint32_t kSyn = 0x02, kPass = 0xffffffff;
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 13),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, kSyn, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, kPass),
  };
  const sock_fprog program{std::size(code), code};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
  for (auto outcome = Outcome::accepted;
       outcome == Outcome::accepted || outcome == Outcome::lost;) {
    outcome = accept();
  }
}

// A loop that has an idle connection to close for the new one, where that is needed; else the one
// with the fewest.
void Acceptor::place(Accepted accepted) {
  Core& core = loop_.core();
  // Before it is handed over: a stop that drains waits for this count, and must not find it at 0
  // while a connection is on its way to another loop.
  core.open.fetch_add(1);
  const ConnectionGroup& group = *listener_.group;
  const bool crowded = group.full();
  Loop* best = core.loops.front().get();
  for (const auto& loop : core.loops) {
    const auto since = loop->idle_since(group), best_since = best->idle_since(group);
    if (crowded && since != best_since ? since < best_since : loop->load() < best->load()) {
      best = loop.get();
    }
  }
  // Here and not when the loop takes it, or a burst of one turn would all go to the same loop.
  best->count(1);
  if (best == &loop_) {
    loop_.add(std::move(accepted));
  } else {
    best->inbox()->push(std::move(accepted));
  }
}

void Acceptor::pause() {
  loop_.core().metrics.rejected("file_descriptors");
  log::error("cannot accept connections: raise the limit of open files (LimitNOFILE)",
             {{"address", listener_.address}, {"cause", std::strerror(errno)}});
  epoll_event event{};
  event.data.ptr = static_cast<Watched*>(this);
  // No events are asked for, so that the socket stays where it is. Where that fails it goes on at
  // once.
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
