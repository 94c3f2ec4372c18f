// How often who may sign in to the console who fails: a few times a minute from each address.
//
// In this process's memory and not by the RateLimiter, whose keys are tenants', and which may be
// another server that is away just when an operator has to sign in.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <string>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/domain/rate_policy.h"

namespace mesh::console {

// Any thread; nothing blocks.
class SignInTries {
 public:
  // Ten at once, and then one every six seconds.
  static constexpr RatePolicy kPolicy{10, Duration{60'000}, 9};
  // Of a few hundred bytes each. Beyond it that one is forgotten which is free again first.
  static constexpr std::size_t kMaxAddresses = 4'096;

  explicit SignInTries(Clock& clock) : clock_(clock) {}

  // Counts a try of `remote`, "127.0.0.1:51234"; of the ports of an address together, and of the
  // addresses of an IPv6 network, which one machine may have all. `rate_limited`, and the try is
  // none, where there were too many.
  Status begin(const std::string& remote);
  // It was none: who signs in may go on.
  void succeeded(const std::string& remote);

 private:
  Clock& clock_;
  std::mutex mutex_;
  std::map<std::string, std::int64_t> tats_;  // of gcra, by address; guarded by mutex_
};

}  // namespace mesh::console
