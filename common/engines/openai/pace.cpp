#include "common/engines/openai/pace.h"

#include <algorithm>

namespace mesh::openai {
namespace {

constexpr Duration kShortestPause{200};  // "Retry-After: 0" is no leave to hammer
constexpr Duration kFirstPause{1'000};
constexpr Duration kLongestOwnPause{60'000};
constexpr Duration kLongestPause{3'600'000};

constexpr Duration kMinute{60'000};

tl::unexpected<Error> come_again(std::string message, SteadyTime::duration in,
                                 ErrorKind kind = ErrorKind::unavailable) {
  Error error{kind, std::move(message), {}, {}, {}, {}};
  error.retry_after = std::chrono::ceil<Duration>(in);
  return fail(std::move(error));
}

}  // namespace

Pace::Pace(Clock& clock, int most, int per_minute)
    : clock_(clock),
      most_(std::max(most, 1)),
      between_(per_minute > 0 ? SteadyTime::duration(kMinute) / per_minute
                              : SteadyTime::duration::zero()),
      limit_(std::max(most, 1)) {}

// When the rate lets one more go, which is then taken; nothing where that is after `until`. With
// the lock held.
std::optional<SteadyTime> Pace::take_turn(SteadyTime until, Turn turn) {
  const SteadyTime now = clock_.steady(), at = std::max(now, next_turn_);
  if (turn == Turn::own && at > until) return std::nullopt;
  next_turn_ = at + between_;
  return turn == Turn::own ? at : now;
}

Result<Pace::Place> Pace::enter(SteadyTime patient_until, SteadyTime until, Turn turn) {
  std::unique_lock lock(mutex_);
  const auto goes_at = take_turn(until, turn);
  if (!goes_at) {
    return come_again("as many requests wait as the rate of the model allows",
                      next_turn_ - clock_.steady(), ErrorKind::rate_limited);
  }
  while (true) {
    const SteadyTime now = clock_.steady();
    if (now < *goes_at) {
      clock_.wait_until(lock, changed_, *goes_at, [] { return false; });
      continue;
    }
    if (now < paused_until_) {
      if (paused_until_ > patient_until) {
        return come_again("the model's server takes no more requests for now (429)",
                          paused_until_ - now);
      }
      clock_.wait_until(lock, changed_, paused_until_, [] { return false; });
      continue;
    }
    if (under_way_ < whole()) {
      ++under_way_;
      return Place(*this);
    }
    const bool changed = clock_.wait_until(lock, changed_, until, [&] {
      return under_way_ < whole() || clock_.steady() < paused_until_;
    });
    if (!changed) {
      return come_again(
          "the model's server is busy: " + std::to_string(under_way_) + " requests are under way",
          kFirstPause);
    }
  }
}

void Pace::served() {
  {
    std::lock_guard lock(mutex_);
    // One more for each round of as many as are allowed.
    limit_ = std::min(most_, limit_ + 1 / limit_);
    throttled_in_a_row_ = 0;
  }
  changed_.notify_all();
}

void Pace::throttled(SteadyTime sent, std::optional<Duration> retry_after) {
  {
    std::lock_guard lock(mutex_);
    const SteadyTime now = clock_.steady();
    const bool first = sent >= halved_at_;
    if (first) {
      limit_ = std::max(1.0, limit_ / 2);
      halved_at_ = now;
      ++throttled_in_a_row_;
    }
    const auto own =
        std::min(kLongestOwnPause, kFirstPause * (1 << std::clamp(throttled_in_a_row_ - 1, 0, 6)));
    const auto pause = std::clamp(retry_after.value_or(own), kShortestPause, kLongestPause);
    paused_until_ = std::max(paused_until_, now + pause);
  }
  changed_.notify_all();
}

int Pace::allowed() const {
  std::lock_guard lock(mutex_);
  return whole();
}

void Pace::leave() {
  {
    std::lock_guard lock(mutex_);
    --under_way_;
  }
  changed_.notify_all();
}

}  // namespace mesh::openai
