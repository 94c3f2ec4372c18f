// Open-loop writes of which some are followed until they can be read.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/harness.h"
#include "tests/bench/load/probe.h"

namespace mesh::bench {

struct Stream {
  std::vector<std::string> tenants;  // in turn
  double rate = 0;                   // per second
  int follow_every = 1;
  load::Seconds time{0};
  std::uint64_t from = 0;  // number of the first: numbers below were used by earlier streams
  std::function<void()> written = [] {};
};
struct Followed {
  load::Outcome writes;
  load::Probe::Outcome visible;  // from when the write was due
};

// Both answer when the last write is seen; `written` is called when the last is answered.
//
// POST /users/create; visible: the search for exactly that user finds it.
Followed creates(const std::string& what, Meshd& meshd, const Stream& stream);
// POST /api/v1/events/analytics of a new user_id each; visible: the user's summary exists.
Followed publishes(const std::string& what, Meshd& meshd, const Stream& stream);

// The first number that no stream or dataset of this process has used, `count` of them taken.
std::uint64_t take_numbers(std::uint64_t count);

}  // namespace mesh::bench
