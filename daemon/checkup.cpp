#include "daemon/checkup.h"

#include <algorithm>

#include "common/base/thread.h"
#include "common/base/time.h"

namespace mesh {

Checkup::Checkup(std::vector<Part> parts, Clock& clock, Duration limit)
    : clock_(clock), limit_(limit) {
  for (auto& part : parts) all_.push_back({std::move(part)});
}

Checkup::~Checkup() {
  for (auto& one : all_) {
    if (one.thread.joinable()) one.thread.join();
  }
}

// Under the mutex.
void Checkup::begin(Running& one) {
  // It has ended, but for the last step out of the mutex.
  if (one.thread.joinable()) one.thread.join();
  one.thread = std::thread([this, &one] {
    name_thread("check");
    auto found = one.part.run();
    std::lock_guard lock(mutex_);
    one.found = std::move(found);
    ++one.ended;
    ended_.notify_all();
  });
  // Not before there is a thread that ends it: where none can be made, the next call tries again.
  ++one.begun;
}

std::vector<services::Check> Checkup::run() {
  std::unique_lock lock(mutex_);
  const SteadyTime deadline = clock_.steady() + limit_;
  std::vector<std::uint64_t> wanted;
  for (auto& one : all_) {
    if (one.begun == one.ended) begin(one);
    wanted.push_back(one.begun);
  }
  // Another caller may have begun a part again by the time that this one looks.
  const auto answered = [](const Running& one, std::uint64_t run) { return one.ended >= run; };
  clock_.wait_until(lock, ended_, deadline,
                    [&] { return std::ranges::equal(all_, wanted, answered); });
  std::vector<services::Check> checks;
  auto run = wanted.begin();
  for (const auto& one : all_) {
    if (answered(one, *run++)) {
      checks.insert(checks.end(), one.found.begin(), one.found.end());
    } else {
      checks.push_back({one.part.name, false,
                        "no answer within " + format_duration(limit_) +
                            ": what it asks stands still, or this machine is too busy"});
    }
  }
  return checks;
}

}  // namespace mesh
