// Attempts of a pipeline at an event, as the event's retry record and its dead letter tell of them.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"

namespace mesh {

// One that failed; of one that succeeds nothing is kept.
struct Attempt {
  Timestamp ended{};
  std::chrono::microseconds took{};  // of the stage's call, which has a batch of events
  std::string cause_class;
  std::string cause;  // shortened
  bool operator==(const Attempt&) const = default;
};

// Of one event the last so many are kept.
inline constexpr std::size_t kKeptAttempts = 10;
// `attempts` with `one` behind them; the oldest go.
std::vector<Attempt> with_attempt(std::vector<Attempt> attempts, Attempt one);

// [{"ended","micros","cause_class","cause"}], in order.
Json to_json(std::span<const Attempt> attempts);
// What is no attempt is left out.
std::vector<Attempt> attempts_of(std::string_view json);

}  // namespace mesh
