#include "tests/bench/load/load.h"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <stdexcept>
#include <vector>

#include "tests/bench/load/answer.h"
#include "tests/support/raw_client.h"

namespace mesh::load {
namespace {

using Time = SteadyClock::time_point;

// How long after the end answers are waited for.
constexpr std::chrono::seconds kPatience{10};

std::uint64_t microseconds(SteadyClock::duration d) {
  return static_cast<std::uint64_t>(
      std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::microseconds>(d).count()));
}

SteadyClock::duration ticks(Seconds s) {
  return std::chrono::duration_cast<SteadyClock::duration>(s);
}

struct Socket {
  int fd = -1;
  bool busy = false;
  bool writing = false;  // EPOLLOUT is asked for
  std::uint64_t number = 0;
  Time due;
  std::string out;  // the request; the part before `sent` has gone
  std::size_t sent = 0;
  std::string in;  // an answer that came in parts
};

class Generator {
 public:
  explicit Generator(const Plan& plan) : plan_(plan), open_(plan.rate > 0) {
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    sockets_.resize(static_cast<std::size_t>(plan.connections));
    for (std::size_t i = 0; i < sockets_.size(); ++i) connect(i);
    // Else the kernel delays each timed wait by 50 us and the pace with it.
    prctl(PR_SET_TIMERSLACK, 1000);
  }
  ~Generator() {
    for (const auto& socket : sockets_) {
      if (socket.fd >= 0) close(socket.fd);
    }
    close(epoll_);
  }
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  Outcome run() {
    start_ = SteadyClock::now();
    from_ = start_ + ticks(plan_.warm_up);
    end_ = from_ + ticks(plan_.time);
    now_ = start_;
    for (std::size_t i = 0; i < sockets_.size(); ++i) {
      open_ ? free_.push_back(i) : begin(i, next_number_++, now_);
    }
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
    if (plan_.stop.stop_requested()) stopped_ = std::min(stopped_, now_);
    const Time end = std::min(end_, stopped_);
    const bool idle = busy_ == 0 && waiting_.empty();
    if (now_ >= end && (idle || now_ >= end + kPatience)) return false;
    release_due(end);
    Time until = now_ < end ? end : end + kPatience;
    if (open_ && due_of(next_due_) < until && now_ < end) until = due_of(next_due_);
    // A stop must be seen within a moment.
    if (plan_.stop.stop_possible()) until = std::min(until, now_ + std::chrono::milliseconds(50));
    const auto wait = std::max<std::int64_t>(
        0, std::chrono::duration_cast<std::chrono::nanoseconds>(until - now_).count());
    const timespec timeout{wait / 1'000'000'000, wait % 1'000'000'000};
    const int n =
        epoll_pwait2(epoll_, events_.data(), static_cast<int>(events_.size()), &timeout, nullptr);
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
    for (Time due = due_of(next_due_); due <= now_ && due < end; due = due_of(++next_due_)) {
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

  void connect(std::size_t index) {
    Socket& socket = sockets_[index];
    socket.fd = test::connect_to(plan_.address);
    socket.in.clear();
    socket.writing = false;
    epoll_event event{.events = EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.fd, &event);
  }

  void begin(std::size_t index, std::uint64_t number, Time due) {
    Socket& socket = sockets_[index];
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
      const auto n = send(socket.fd, socket.out.data() + socket.sent,
                          socket.out.size() - socket.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0) break;  // full, or broken, which the next read tells
      socket.sent += static_cast<std::size_t>(n);
    }
    const bool more = socket.sent < socket.out.size();
    if (more == socket.writing) return;
    socket.writing = more;
    epoll_event event{.events = more ? EPOLLIN | EPOLLOUT : EPOLLIN, .data = {.u64 = index}};
    epoll_ctl(epoll_, EPOLL_CTL_MOD, socket.fd, &event);
  }

  void read(std::size_t index) {
    Socket& socket = sockets_[index];
    const auto n = recv(socket.fd, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) return broken(index);
    std::string_view bytes(buffer_.data(), static_cast<std::size_t>(n));
    if (!socket.in.empty()) {
      socket.in.append(bytes);
      bytes = socket.in;
    }
    const AnswerHead head = read_head(bytes);
    if (head.state == AnswerHead::State::unreadable) {
      throw std::runtime_error("unreadable answer: " + std::string(bytes.substr(0, 200)));
    }
    if (head.state == AnswerHead::State::partial ||
        bytes.size() < head.head_bytes + head.body_bytes) {
      if (socket.in.empty()) socket.in.assign(bytes);
      return;
    }
    answered(socket, head.status, bytes.substr(head.head_bytes, head.body_bytes));
    socket.in.clear();
    if (head.closes) reconnect(index);
    next(index);
  }

  void answered(Socket& socket, int status, std::string_view body) {
    now_ = SteadyClock::now();
    socket.busy = false;
    --busy_;
    if (plan_.on_answer) plan_.on_answer({socket.number, status, body, socket.due, now_});
    ++outcome_.all;
    if (socket.due >= from_) outcome_.latency.add(microseconds(now_ - socket.due));
    if (!counts(socket.due)) return;
    ++outcome_.statuses[status];
    plan_.expected(status) ? ++outcome_.answered : ++outcome_.unexpected;
  }

  void reconnect(std::size_t index) {
    close(sockets_[index].fd);
    connect(index);
  }

  void broken(std::size_t index) {
    Socket& socket = sockets_[index];
    const bool was_busy = socket.busy;
    if (was_busy) {
      socket.busy = false;
      --busy_;
      if (counts(socket.due)) ++outcome_.broken;
    }
    reconnect(index);
    if (was_busy) next(index);
  }

  // What a connection that became free does.
  void next(std::size_t index) {
    if (open_) {
      free_.push_back(index);
    } else if (now_ < std::min(end_, stopped_)) {
      begin(index, next_number_++, now_);
    }
  }

  const Plan& plan_;
  const bool open_;
  int epoll_ = -1;
  std::vector<Socket> sockets_;
  std::deque<std::size_t> free_;                        // open loop: idle sockets
  std::deque<std::pair<std::uint64_t, Time>> waiting_;  // open loop: due, but no socket is free
  std::uint64_t next_number_ = 0;
  std::uint64_t next_due_ = 0;
  std::size_t busy_ = 0;
  Time start_, from_, end_, now_;
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
