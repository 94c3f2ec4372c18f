#include "common/load/load.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <vector>

#include "common/load/answer.h"
#include "common/load/socket.h"
#include "common/load/wire.h"

namespace mesh::load {
namespace {

using Time = SteadyClock::time_point;

constexpr std::chrono::milliseconds kTick{100};
// Before a connection is tried again that had no answer.
constexpr std::chrono::milliseconds kRest{100};

std::uint64_t microseconds(SteadyClock::duration d) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(d).count()));
}

SteadyClock::duration ticks(Seconds s) {
  return std::chrono::duration_cast<SteadyClock::duration>(s);
}

struct Socket {
  Wire wire;  // none: the next request connects it
  bool busy = false;
  bool proven = false;   // an answer came
  bool writing = false;  // EPOLLOUT is asked for
  std::uint64_t number = 0;
  Time due;
  std::string out;  // the request; the part before `sent` has gone
  std::size_t sent = 0;
  std::string in;  // an answer that came in parts
};

class Generator {
 public:
  explicit Generator(const Plan& plan)
      : plan_(plan),
        open_(plan.rate > 0),
        limit_(plan.requests > 0 ? plan.requests : ~std::uint64_t{0}),
        place_(resolve(plan.address)) {
    if (plan.tls) tls_.emplace(*plan.tls);
    sockets_.resize(static_cast<std::size_t>(plan.connections));
    for (std::size_t i = 0; i < sockets_.size(); ++i) watch(i, first_connection());
    // Else the kernel delays each timed wait by 50 us and the pace with it.
    prctl(PR_SET_TIMERSLACK, 1000);
  }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  Outcome run() {
    start_ = SteadyClock::now();
    from_ = start_ + ticks(plan_.warm_up);
    end_ = from_ + ticks(plan_.time);
    now_ = start_;
    next_tick_ = start_ + kTick;
    for (std::size_t i = 0; i < sockets_.size(); ++i) next(i);
    while (step()) {
    }
    for (const auto& socket : sockets_) {
      if (socket.busy) abandon(socket.due);
    }
    for (const auto& [number, due] : waiting_) abandon(due);
    outcome_.seconds = std::chrono::duration<double>(std::min(end_, stopped_) - from_).count();
    return std::move(outcome_);
  }

 private:
  // Whether an answer of now counts for the rate. Latencies count by when the request was due.
  bool counts(Time due) const {
    return open_ ? due >= from_ : now_ >= from_ && now_ < std::min(end_, stopped_);
  }
  void abandon(Time due) {
    if (due < from_) return;
    ++outcome_.unanswered;
    outcome_.latency.add(microseconds(now_ - due));
  }

  // Waits for what comes next and handles it; false when all is done.
  bool step() {
    const bool idle = busy_ == 0 && waiting_.empty();
    if (plan_.stop.stop_requested() || (idle && next_number_ >= limit_)) {
      stopped_ = std::min(stopped_, now_);
    }
    const Time end = std::min(end_, stopped_), last = end + ticks(plan_.patience);
    if (now_ >= end && (idle || now_ >= last)) return false;
    if (plan_.on_tick && now_ >= next_tick_) {
      plan_.on_tick(outcome_, now_ - start_);
      next_tick_ = now_ + kTick;
    }
    while (!resting_.empty() && resting_.front().second <= now_) {
      const auto index = resting_.front().first;
      resting_.pop_front();
      next(index);
    }
    release_due(end);
    Time until = now_ < end ? end : last;
    if (open_ && next_number_ < limit_ && now_ < end) until = std::min(until, due_of(next_due_));
    if (!resting_.empty()) until = std::min(until, resting_.front().second);
    if (plan_.on_tick) until = std::min(until, next_tick_);
    // A stop must be seen within a moment.
    if (plan_.stop.stop_possible()) until = std::min(until, now_ + std::chrono::milliseconds(50));
    const auto wait = std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::nanoseconds>(until - now_).count());
    const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
    const int n = epoll_pwait2(epoll_.get(), events_.data(), static_cast<int>(events_.size()),
                               &timeout, nullptr);
    now_ = SteadyClock::now();
    for (int i = 0; i < n; ++i) {
      const auto index = static_cast<std::size_t>(events_[static_cast<std::size_t>(i)].data.u64);
      if (events_[static_cast<std::size_t>(i)].events & EPOLLOUT) write_more(index);
      if (events_[static_cast<std::size_t>(i)].events & ~EPOLLOUT) read(index);
    }
    return true;
  }

  Time due_of(std::uint64_t k) const {
    return start_ + ticks(Seconds(static_cast<double>(k) / plan_.rate));
  }

  void release_due(Time end) {
    if (!open_) return;
    for (Time due = due_of(next_due_); due <= now_ && due < end && next_number_ < limit_;
         due = due_of(++next_due_)) {
      waiting_.emplace_back(next_number_++, due);
    }
    while (!waiting_.empty() && !free_.empty()) {
      const auto [number, due] = waiting_.front();
      waiting_.pop_front();
      const auto index = free_.front();
      free_.pop_front();
      begin(index, number, due);
    }
  }

  const Tls* tls() const { return tls_ ? &*tls_ : nullptr; }

  Wire first_connection() const {
    Wire wire(connect_to(place_), tls());
    try {
      wire.shake_hands(SteadyClock::now() + kConnectTime);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error("cannot connect to " + place_.name + ": " + error.what());
    }
    return wire;
  }

  void watch(std::size_t index, Wire wire) {
    Socket& socket = sockets_[index];
    socket.wire = std::move(wire);
    socket.proven = false;
    socket.writing = false;
    socket.in.clear();
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.wire.fd(), &event);
  }

  void begin(std::size_t index, std::uint64_t number, Time due) {
    Socket& socket = sockets_[index];
    if (!socket.wire) {
      try {
        watch(index, Wire(begin_to_connect(place_), tls()));
      } catch (const std::runtime_error&) {  // out of descriptors: what was measured stays
        if (counts(due)) ++outcome_.broken;
        resting_.emplace_back(index, now_ + kRest);
        return;
      }
    }
    socket.busy = true;
    ++busy_;
    socket.number = number;
    socket.due = due;
    socket.out.clear();
    socket.sent = 0;
    plan_.request(number, socket.out);
    if (open_ && due >= from_) outcome_.late.add(microseconds(SteadyClock::now() - due));
    write_more(index);
  }

  void write_more(std::size_t index) {
    Socket& socket = sockets_[index];
    while (socket.sent < socket.out.size()) {
      const auto n = socket.wire.write(std::string_view(socket.out).substr(socket.sent));
      if (n < 0) break;  // full, or broken, which the next read tells
      socket.sent += static_cast<std::size_t>(n);
    }
    const bool more = socket.sent < socket.out.size() && socket.wire.needs_room();
    if (more == socket.writing) return;
    socket.writing = more;
    epoll_event event{.events = more ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, socket.wire.fd(), &event);
  }

  void read(std::size_t index) {
    Socket& socket = sockets_[index];
    const auto n = socket.wire.read(buffer_.data(), buffer_.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      // In TLS what came may be what the request waits for.
      if (socket.sent < socket.out.size()) write_more(index);
      return;
    }
    if (n <= 0) return broken(index);
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
    if (!socket.in.empty()) {
      socket.in.append(bytes);
      bytes = socket.in;
    }
    const AnswerHead head = read_head(bytes);
    // Where it ends is not known, so the connection goes, too.
    if (head.state == AnswerHead::State::unreadable) return broken(index);
    if (head.state == AnswerHead::State::partial ||
        bytes.size() < head.head_bytes + head.body_bytes) {
      if (socket.in.empty()) socket.in.assign(bytes);
      return;
    }
    answered(socket, head, bytes.substr(head.head_bytes, head.body_bytes));
    socket.in.clear();
    if (head.closes) drop(socket);
    next(index);
  }

  void answered(Socket& socket, const AnswerHead& head, std::string_view body) {
    const int status = head.status;
    now_ = SteadyClock::now();
    socket.proven = true;
    socket.busy = false;
    --busy_;
    if (plan_.on_answer) plan_.on_answer({socket.number, status, body, socket.due, now_});
    ++outcome_.all;
    if (socket.due >= from_) outcome_.latency.add(microseconds(now_ - socket.due));
    if (!counts(socket.due)) return;
    outcome_.bytes_sent += socket.out.size();
    outcome_.bytes_received += head.head_bytes + head.body_bytes;
    ++outcome_.statuses[status];
    plan_.expected(status) ? ++outcome_.answered : ++outcome_.unexpected;
  }

  static void drop(Socket& socket) { socket.wire = Wire(); }

  void broken(std::size_t index) {
    Socket& socket = sockets_[index];
    drop(socket);
    if (!socket.busy) return;
    socket.busy = false;
    --busy_;
    if (counts(socket.due)) ++outcome_.broken;
    // A server that is gone must not be asked as fast as it refuses.
    if (socket.proven) return next(index);
    resting_.emplace_back(index, now_ + kRest);
  }

  // What a connection that became free does.
  void next(std::size_t index) {
    if (open_) {
      free_.push_back(index);
    } else if (now_ < std::min(end_, stopped_) && next_number_ < limit_) {
      begin(index, next_number_++, now_);
    }
  }

  const Plan& plan_;
  const bool open_;
  const std::uint64_t limit_;
  const Place place_;
  const Fd epoll_{epoll_create1(EPOLL_CLOEXEC)};
  std::optional<Tls> tls_;  // none: plain
  std::vector<Socket> sockets_;
  std::deque<std::size_t> free_;                        // open loop: idle sockets
  std::deque<std::pair<std::uint64_t, Time>> waiting_;  // open loop: due, but no socket is free
  std::deque<std::pair<std::size_t, Time>> resting_;    // sockets, until when
  std::uint64_t next_number_ = 0;
  std::uint64_t next_due_ = 0;
  std::size_t busy_ = 0;
  Time start_, from_, end_, now_, next_tick_;
  Time stopped_ = Time::max();
  std::array<epoll_event, 256> events_;
  std::array<char, 65536> buffer_;
  Outcome outcome_;
};

}  // namespace

std::string Outcome::failures() const {
  std::string text;
  const auto add = [&](std::uint64_t count, const std::string& what) {
    if (count > 0) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  if (unexpected > 0) {
    for (const auto& [status, count] : statuses) add(count, "of status " + std::to_string(status));
  }
  add(broken, "broken");
  add(unanswered, "unanswered");
  return text;
}

Outcome run(const Plan& plan) { return std::make_unique<Generator>(plan)->run(); }

}  // namespace mesh::load
