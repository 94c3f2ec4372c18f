// How fast a server is asked: as many requests at once as it bears, none while it asks for a pause,
// and no more a minute than an operator allows, but for what follows a request that was sent: that
// is counted and not held, so that a minute may have more, and the next ones wait for longer.
//
// Additive increase, multiplicative decrease, as TCP's (D. Chiu, R. Jain, 1989): what a key or a
// tenant of the server may ask per minute is not told, and changes with its load.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>

#include "common/base/clock.h"
#include "common/base/error.h"

namespace mesh::openai {

// Any thread.
class Pace {
 public:
  // A request's place among those under way; given back when it goes.
  class Place {
   public:
    explicit Place(Pace& pace) : pace_(&pace) {}
    Place(Place&& other) noexcept : pace_(std::exchange(other.pace_, nullptr)) {}
    Place& operator=(Place&&) = delete;
    ~Place() {
      if (pace_ != nullptr) pace_->leave();
    }

   private:
    Pace* pace_;
  };

  // At most `most` at once, at least 1; `per_minute` evenly spread, so that no span of a minute has
  // more; 0: no bound.
  Pace(Clock& clock, int most, int per_minute = 0);

  // Blocks until a request may be sent. `unavailable` with the time to come again: at once where a
  // pause ends after `patient_until`, and at `until` where all places stayed taken. `rate_limited`
  // likewise, at once, where its turn by the rate comes after `until`. Who gets no place takes no
  // turn.
  // What belongs to a request that was sent (a repair, a proof) waits for no turn of its own.
  enum class Turn { own, follows };
  Result<Place> enter(SteadyTime patient_until, SteadyTime until, Turn turn = Turn::own);
  // The server did what was asked: a little more may be asked at once.
  void served();
  // It answered that this is too much: half as many at once, and none for as long as it says, at
  // most an hour; where it says nothing, for a second, twice as long each time. `sent`: when the
  // request was; of those that were under way together only the first one halves. `status`: what it
  // answered with, for messages.
  void throttled(SteadyTime sent, std::optional<Duration> retry_after, int status = 429);

  int allowed() const;  // at once

 private:
  void leave();
  std::optional<SteadyTime> take_turn(SteadyTime until, Turn turn);
  void give_back(SteadyTime turn);
  int whole() const { return static_cast<int>(limit_); }

  Clock& clock_;
  const double most_;
  const SteadyTime::duration between_;  // two requests; 0: no rate
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  double limit_;  // this and the following guarded by mutex_
  int under_way_ = 0;
  int throttled_in_a_row_ = 0;
  int throttled_by_ = 0;  // the status that asked for the pause
  SteadyTime next_turn_{};
  std::set<SteadyTime> given_back_;  // turns before next_turn_ that nobody used
  SteadyTime halved_at_{};
  SteadyTime paused_until_{};
};

}  // namespace mesh::openai
