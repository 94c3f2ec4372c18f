#include "daemon/pipeline/dead_letters/turn.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "common/telemetry/log.h"
#include "daemon/pipeline/append.h"

namespace mesh::pipeline {
namespace {

// An append of events or markers begins right after a renewal and may take kAppendLimit; as much
// again is to spare. States that are put right in between depend on no turn.
constexpr Duration kLettersTtl = 2 * kAppendLimit;
// Short, since a mend waits for it within a request.
constexpr Duration kLimit{5'000};
// Whoever waits must look at least once while a long work pauses between two turns.
constexpr Duration kPoll = kTurnPause / 2;

Error not_there(std::string message, std::string cause = {}) {
  return {ErrorKind::unavailable, std::move(message), std::move(cause), {}, kLimit};
}

}  // namespace

Result<SettlingTurn> SettlingTurn::take(const LettersDeps& deps, const std::string& topic) {
  const SteadyTime end = deps.clock.steady() + kLimit;
  std::mutex mutex;  // nobody else's: to wait on the clock
  std::condition_variable never;
  std::unique_lock lock(mutex);
  for (;;) {
    auto lease = MESH_TRY(deps.leases.acquire("letters/" + topic, deps.holder, kLettersTtl));
    if (lease) return SettlingTurn(deps.leases, std::move(*lease));
    const SteadyTime now = deps.clock.steady();
    if (now >= end) {
      return fail(not_there("letters of " + topic +
                            " are being redriven, mended or purged elsewhere; nothing was done: "
                            "try again"));
    }
    deps.clock.wait_until(lock, never, std::min(end, now + kPoll), [] { return false; });
  }
}

SettlingTurn::SettlingTurn(SettlingTurn&& other) noexcept
    : leases_(std::exchange(other.leases_, nullptr)), lease_(std::move(other.lease_)) {}

SettlingTurn::~SettlingTurn() {
  if (leases_ == nullptr) return;
  if (auto released = leases_->release(lease_); !released) {
    log::warn("a turn to settle letters could not be given back; it ends by itself",
              {{"lease", lease_.name}, {"error", released.error().to_string()}});
  }
}

Status SettlingTurn::renew() {
  auto renewed = leases_->renew(lease_, kLettersTtl);
  // To callers a conflict means that the letter can go back no more; this may be tried again.
  if (renewed || renewed.error().kind != ErrorKind::conflict) return renewed;
  return fail(not_there("this process stood still for longer than its turn to settle letters lasts",
                        renewed.error().to_string()));
}

}  // namespace mesh::pipeline
