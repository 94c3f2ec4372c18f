// What the mesh does at an instant, as an operator's overview shows it.
//
// Events, groups, dead letters and tasks are those of the whole mesh: from the log and the stores.
// Searches, requests, errors, latencies and streams are those of this process, from its metrics.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/domain/task.h"
#include "common/ports/event_log.h"
#include "common/telemetry/metrics.h"
#include "daemon/overview/letter_count.h"

namespace mesh::overview {

struct GroupSample {
  std::string group = {};
  std::int64_t lag = 0;  // events
  double lag_seconds = 0;
  std::int64_t parked = 0;
  std::string breaker = "closed";  // "open", "half_open": of the pipeline that runs here
  std::string state = {};          // as GET /admin/v1/groups says it
  // Not shown, for what needs attention.
  bool active = false;          // something reads with it
  std::string last_error = {};  // of the pipeline that runs here
};

// Sums that only grow: what was so at one look. The difference of two looks is what happened.
struct Sums {
  SteadyTime at{};
  std::optional<std::int64_t> events;  // see is_counted; nothing where the log did not answer
  double searches = 0, requests = 0, errors = 0;
  Buckets search_seconds, publish_seconds;
};

// What happened between two looks, by the second. Nothing where a look saw nothing.
struct Rates {
  double period = 0;  // seconds
  std::optional<double> events, searches, requests, errors;
  std::optional<double> search_p50, search_p99, publish_p99;  // seconds
};
// `after` is the later one. A sum that fell, since the metrics forgot a series, counts as one that
// stood still.
Rates rates_between(const Sums& before, const Sums& after);

// Whether the events of a topic are tenants' or users': all but dead letters and what the mesh
// writes of itself (billing.events, task.events, tenant.events).
bool is_counted(std::string_view topic);

// Of the metrics. Searches: those of users and events that were done. Requests: those of all routes
// but the operators' and the probes'; errors: those of them that were answered with 5xx. Latencies
// of searches and of publishing: whole requests of these routes, whatever came of them.
Sums sums_of(const Metrics& metrics);

struct Sample {
  Timestamp time{};
  Rates rates = {};
  // Nothing where the log or the store did not answer.
  std::optional<std::int64_t> lag = {};    // events, of all groups together
  std::optional<double> lag_seconds = {};  // of the group that is farthest behind
  std::optional<std::int64_t> parked = {};
  std::int64_t outbox = 0;
  std::optional<std::int64_t> dead_letters = {};  // not settled; nothing while they are counted
  std::int64_t streams = 0;
  std::vector<GroupSample> groups = {};             // by name
  std::map<std::string, std::int64_t> topics = {};  // the sum of the ends of each
  std::int64_t tasks_running = 0;
  std::string tasks_changed = {};  // another text once a task came, began, went on or ended
  // Not shown, for what needs attention.
  std::vector<Letters> letters = {};
  std::vector<Task> failed = {};  // within the last day, the newest first
};
Json to_json(const Sample& sample);

}  // namespace mesh::overview
