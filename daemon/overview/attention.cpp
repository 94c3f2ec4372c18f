#include "daemon/overview/attention.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "common/base/strings.h"
#include "common/base/time.h"
#include "common/domain/catalogue.h"

namespace mesh::overview {
namespace {

using Severity = Attention::Severity;
using All = std::vector<Attention>;

std::string events(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " event" : " events");
}

std::string age(double seconds) {
  return format_duration(std::chrono::seconds(std::llround(seconds)));
}

struct Place {
  std::string_view check;  // its name begins so
  const char* page;
  const char* next;
};
// Where a check's matter is shown. All others: the configuration and what depends on it.
constexpr Place kPlaces[] = {
    {"outbox", "#/pipelines", "mesh doctor"},
    {"retention", "#/pipelines", "mesh topics list"},
    {"tenants' retention", "#/tenants", "mesh tenants list"},
    {"index", "#/indexes", "mesh index list"},
};

void add_checks(All& all, const AttentionInput& input) {
  for (const auto& check : input.checks) {
    if (check.name.starts_with("pipeline ") || (check.ok && !check.warning)) continue;
    Place place{"", "#/configuration", "mesh doctor"};
    for (const auto& known : kPlaces) {
      if (check.name.starts_with(known.check)) place = known;
    }
    all.push_back({check.ok ? Severity::warning : Severity::critical,
                   check.name + (check.ok ? " is worth a look" : " is not in order"), check.detail,
                   place.page, place.next});
  }
}

const GroupSample* group_of(const Sample* sample, const std::string& name) {
  if (sample == nullptr) return nullptr;
  const auto at = std::ranges::find(sample->groups, name, &GroupSample::group);
  return at == sample->groups.end() ? nullptr : &*at;
}

std::string behind(const GroupSample& group) {
  return events(group.lag) + " behind, the oldest " + age(group.lag_seconds) + " old";
}

void add_groups(All& all, const AttentionInput& input) {
  for (const auto& group : input.now.groups) {
    const std::string page = "#/pipelines/" + group.group;
    const std::string describe = "mesh groups describe " + group.group;
    const std::string error = group.last_error.empty() ? "" : "; last error: " + group.last_error;
    const auto* const before = group_of(input.before, group.group);
    const bool far_behind = group.lag > 0 && group.lag_seconds > kFarBehindSeconds;
    if (group.breaker != "closed") {
      all.push_back({Severity::critical, group.group + " is paused: what it writes to is away",
                     behind(group) + error, page, "mesh doctor"});
    } else if (group.active && group.state != "running") {
      all.push_back({Severity::critical, group.group + " stands (" + group.state + ")",
                     behind(group) + error, page, describe});
    } else if (!group.active && far_behind) {
      all.push_back({Severity::critical, "nothing reads with the group " + group.group,
                     behind(group) + "; no process of the role pipelines has it", page,
                     "mesh members"});
    } else if (far_behind && before != nullptr && group.lag > before->lag) {
      all.push_back({Severity::warning, group.group + " falls behind",
                     behind(group) + ", " + events(group.lag - before->lag) +
                         " more than a minute ago" + error,
                     page, describe});
    }
    if (group.parked > 0) {
      all.push_back({Severity::warning, "events of " + group.group + " wait for another attempt",
                     events(group.parked) + " parked" + error, page, describe});
    }
  }
}

void add_letters(All& all, const AttentionInput& input) {
  for (const auto& letters : input.now.letters) {
    if (letters.open == 0 || letters.last_hour == 0) continue;
    std::string_view topic = letters.topic;
    topic.remove_suffix(dead_letter_topic("").size());
    all.push_back({Severity::warning, "events of " + std::string(topic) + " died",
                   std::to_string(letters.open) + " dead letters are not settled, " +
                       std::to_string(letters.last_hour) + " came within the last hour",
                   "#/dead-letters/" + letters.topic, "mesh dlq list " + std::string(topic)});
  }
}

void add_tasks(All& all, const AttentionInput& input) {
  const auto& failed = input.now.failed;
  for (std::size_t i = 0; i < std::min(failed.size(), kMostTasks); ++i) {
    all.push_back({Severity::warning, "a task failed: " + failed[i].kind,
                   format_rfc3339(failed[i].finished_at) + ": " + failed[i].error,
                   "#/tasks/" + failed[i].id, "mesh tasks get " + failed[i].id});
  }
  if (failed.size() <= kMostTasks) return;
  all.push_back({Severity::warning, "more tasks failed",
                 std::to_string(failed.size() - kMostTasks) + " beside these within the last day",
                 "#/tasks", "mesh tasks list"});
}

void add_outbox(All& all, const AttentionInput& input) {
  const auto told = std::ranges::any_of(input.checks, [](const auto& check) {
    return check.name == "outbox" && (!check.ok || check.warning);
  });
  const auto waiting = input.now.outbox;
  if (told || input.before == nullptr || waiting < kManyWaiting) return;
  const auto more = waiting - input.before->outbox;
  if (more <= 0) return;
  all.push_back(
      {Severity::warning, "the outbox grows",
       events(waiting) + " wait for the log, " + std::to_string(more) + " more than a minute ago",
       "#/pipelines", "mesh doctor"});
}

void add_members(All& all, const AttentionInput& input) {
  if (input.versions.size() < 2) return;
  std::vector<std::string> texts;
  for (const auto& [version, count] : input.versions) {
    texts.push_back(std::to_string(count) + " of " + version);
  }
  all.push_back({Severity::warning, "members run several versions", join(texts, ", "),
                 "#/configuration", "mesh members"});
}

}  // namespace

std::vector<Attention> attention(const AttentionInput& input) {
  All all;
  add_checks(all, input);
  add_groups(all, input);
  add_letters(all, input);
  add_tasks(all, input);
  add_outbox(all, input);
  add_members(all, input);
  std::ranges::stable_sort(all, {}, &Attention::severity);
  return all;
}

Json to_json(const std::vector<Attention>& all) {
  Json list = Json::array();
  for (const auto& one : all) {
    list.push_back({{"severity", one.severity == Severity::critical ? "critical" : "warning"},
                    {"what", one.what},
                    {"why", one.why},
                    {"page", one.page},
                    {"next", one.next}});
  }
  return list;
}

}  // namespace mesh::overview
