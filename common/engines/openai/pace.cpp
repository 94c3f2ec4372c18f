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

// When the rate lets one more go, which is then taken; nothing where that is after `until`. This
// and the next with the lock held.
std::optional<SteadyTime> Pace::take_turn(SteadyTime until, Turn turn) {
  const SteadyTime now = clock_.steady();
  given_back_.erase(given_back_.begin(), given_back_.lower_bound(now));
  if (!given_back_.empty()) {
    const SteadyTime at = *given_back_.begin();
    if (turn == Turn::own && at > until) return std::nullopt;
    given_back_.erase(given_back_.begin());
    return at;
  }
  const SteadyTime at = std::max(now, next_turn_);
  if (turn == Turn::own && at > until) return std::nullopt;
  next_turn_ = at + between_;
  return at;
}

// For whoever comes next, so that a pause or a busy server uses up none of the rate.
void Pace::give_back(SteadyTime turn) {
  if (between_ == SteadyTime::duration::zero()) return;
  given_back_.insert(turn);
  while (given_back_.erase(next_turn_ - between_) > 0) next_turn_ -= between_;
}

Result<Pace::Place> Pace::enter(SteadyTime patient_until, SteadyTime until, Turn turn) {
  std::unique_lock lock(mutex_);
  const auto is_paused = [&] {
    return clock_.steady() < paused_until_ && paused_until_ > patient_until;
  };
  const auto paused = [&] {
    return come_again(
        "the model's server takes no more requests for now (" + std::to_string(throttled_by_) + ")",
        paused_until_ - clock_.steady());
  };
  if (is_paused()) return paused();
  const auto turn_at = take_turn(until, turn);
  if (!turn_at) {
    const SteadyTime next = given_back_.empty() ? next_turn_ : *given_back_.begin();
    return come_again("as many requests wait as the rate of the model allows",
                      next - clock_.steady(), ErrorKind::rate_limited);
  }
  while (true) {
    const SteadyTime now = clock_.steady();
    if (is_paused()) {
      give_back(*turn_at);
      return paused();
    }
    if (turn == Turn::own && now < *turn_at) {
      clock_.wait_until(lock, changed_, *turn_at, [&] { return is_paused(); });
      continue;
    }
    if (now < paused_until_) {
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
      give_back(*turn_at);
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

void Pace::throttled(SteadyTime sent, std::optional<Duration> retry_after, int status) {
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
    // The longest pause is kept, and its reason.
    if (now + pause > paused_until_) {
      paused_until_ = now + pause;
      throttled_by_ = status;
    }
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
