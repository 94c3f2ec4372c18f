// What an operator should look at, and what to do next.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/base/json.h"
#include "daemon/overview/sample.h"
#include "daemon/services/check.h"

namespace mesh::overview {

struct Attention {
  enum class Severity { critical, warning };
  Severity severity = Severity::warning;
  std::string what;  // one line, the same while it lasts
  std::string why;   // with numbers, as they are now
  std::string page;  // of the console: "#/pipelines/analytics"
  std::string next;  // what to run next: "mesh groups describe analytics"
  bool operator==(const Attention&) const = default;
};
Json to_json(const std::vector<Attention>& all);

struct AttentionInput {
  const Sample& now;
  const Sample* before = nullptr;  // of about a minute ago; null: nothing is known to grow
  std::span<const services::Check> checks = {};
  std::map<std::string, int> versions = {};  // how many members run each
};
// Critical ones first, each by its kind and name: the same state gives the same list.
//
// Critical: a check that fails; a pipeline that stands (outage, backlog, damage), a group that
// nobody reads with though events wait for more than a minute. Warnings: a check that warns; a
// group that is more than a minute behind and falls back further; events that wait for another
// attempt; topics with dead letters of which some came within the last hour; tasks that failed
// within the last day (kMostTasks, the newest); an outbox that grows beyond kManyWaiting; members
// of several versions. Checks of pipelines are left out: their groups tell more.
std::vector<Attention> attention(const AttentionInput& input);

inline constexpr std::size_t kMostTasks = 5;
inline constexpr std::int64_t kManyWaiting = 1'000;
inline constexpr double kFarBehindSeconds = 60;

}  // namespace mesh::overview
