#include "tests/bench/load/probe.h"

#include <algorithm>
#include <stdexcept>

namespace mesh::load {
namespace {

constexpr std::chrono::milliseconds kPause{1};
constexpr std::chrono::seconds kGiveUp{60};

}  // namespace

Probe::Probe(std::string address) : connection_(std::move(address)), thread_([this] { run(); }) {}

Probe::~Probe() { finish(); }

void Probe::follow(SteadyClock::time_point since, std::string request, std::string sought) {
  {
    std::lock_guard lock(mutex_);
    items_.push_back({since, SteadyClock::now(), std::move(request), std::move(sought)});
  }
  changed_.notify_one();
}

Probe::Outcome Probe::finish() {
  {
    std::lock_guard lock(mutex_);
    finishing_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
  return std::move(outcome_);
}

bool Probe::seen(const Item& item) {
  const auto answer = connection_.exchange(item.request);
  return answer.status == 200 && answer.body.find(item.sought) != std::string::npos;
}

void Probe::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return finishing_ || !items_.empty(); });
    if (items_.empty()) return;
    auto first = std::ranges::min_element(items_, {}, &Item::next);
    if (const auto next = first->next; next > SteadyClock::now()) {
      changed_.wait_until(lock, next);
      continue;
    }
    Item item = std::move(*first);
    items_.erase(first);
    lock.unlock();
    bool done = false;
    try {
      done = seen(item);
    } catch (const std::exception& error) {
      outcome_.error = error.what();
      return;
    }
    const auto now = SteadyClock::now();
    const auto waited = now - item.since;
    const bool given_up = !done && waited > kGiveUp;
    if (given_up) ++outcome_.given_up;
    if (done || given_up) {
      outcome_.latency.add(static_cast<std::uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(waited).count()));
    }
    lock.lock();
    if (done || given_up) continue;
    item.next = now + std::max<SteadyClock::duration>(kPause, waited / 20);
    items_.push_back(std::move(item));
  }
}

}  // namespace mesh::load
