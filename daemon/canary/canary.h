// Whether the mesh shows a tenant what is another's, asked again and again of the running process.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/periodic.h"
#include "common/http/client.h"
#include "common/telemetry/metrics.h"
#include "daemon/canary/probes.h"

namespace mesh::canary {

// Plants users and events of two tenants and asks for them through every route of tenants that
// reads, and those that change a user, each in the other's name. Routes that make something it asks
// for that in the other's name, which is always refused, and under the other's Idempotency-Key,
// whose answer is the other's. mesh_canary_probes_total counts what comes of it, by `route` and
// `outcome`:
//   kept: the owner was shown it, or could make it, and the other was not;
//   leaked: the other was shown it, could change it, or make it; the log has the request;
//   blind: the owner was not shown it either, which proves nothing: not there yet, or lost;
//   failed: no answer, or one that says nothing of it (429, 5xx, a refusal of another kind).
// What a leak lets come to be is of its two tenants; users are deleted again, and events expire.
class Canary {
 public:
  static constexpr Duration kPeriod{10'000};            // of the rounds
  static constexpr Duration kEventsPlanted{3'600'000};  // events and keys are new after so long

  // Blocks; any status is an answer.
  using Send = std::function<Result<http::Response>(const http::ClientRequest&)>;
  struct Listener {
    std::vector<Probe> probes;
    bool has_users = false;     // here a user can be planted,
    bool takes_events = false;  // and events,
    bool lists_events = false;  // which are found here
    std::string url{};          // to be set once it is bound
  };
  // `internal` where a route asks for what this does not know (probes_of).
  static Result<Listener> listener(const http::RouteTable& routes);

  // The first round is after kPeriod. What is given outlives it; the authenticator knows `pair`.
  Canary(std::vector<Listener> listeners, std::array<Planted, 2> pair, Send send, Clock& clock,
         Metrics& metrics);
  ~Canary() { stop(); }
  // Waits for one answer at most. Callable twice.
  void stop();
  bool stopping() const { return stopping_; }

 private:
  void round();
  // As `send`, until stop().
  Result<http::Response> ask(const http::ClientRequest& request) const;
  void plant(const Listener& listener);
  // Deletes what a leak has made.
  bool sweep(const std::string& url) const;
  std::optional<std::int64_t> plant_user(const std::string& url, const Planted& planted) const;
  // A word of the label `outcome`.
  const char* outcome_of(const std::string& url, const Probe& probe, const Planted& owner,
                         const Planted& other) const;
  const char* outcome_of_creation(const std::string& url, const Probe& probe, const Planted& owner,
                                  const Planted& other) const;
  void count(const Probe& probe, const char* outcome, double by);

  const std::vector<Listener> listeners_;
  std::array<Planted, 2> pair_;
  const Send send_;
  Clock& clock_;
  Metrics& metrics_;
  std::atomic<bool> stopping_{false};
  // Of the rounds' thread alone:
  bool first_ = true;
  bool swept_ = false;  // a process before may have ended between a leak and its deletion
  std::string key_;     // the Idempotency-Key of both begins with it
  std::optional<SteadyTime> key_made_, events_planted_;  // null: not yet
  Periodic rounds_;                                      // last: it uses all of the above
};

}  // namespace mesh::canary
