#include "daemon/services/retention.h"

#include <algorithm>

#include "common/domain/catalogue.h"

namespace mesh::services {
namespace {

std::string events_of(std::uint64_t count, const std::string& topic) {
  return std::to_string(count) + (is_dead_letter_topic(topic) ? " letters of " : " events of ") +
         topic;
}

// Topics of a tenant's own types are one: their names are the tenant's, and anybody reads metrics.
std::string label_of(const std::string& topic) {
  const auto known = [&](const TopicDef& def) {
    return topic == def.name || topic == dead_letter_topic(std::string(def.name));
  };
  return std::ranges::any_of(mesh::topics(), known) ? topic : "other";
}

}  // namespace

Check retention_check(LogAdmin& admin) {
  Check check{"retention", true, "nothing is kept beyond it, nothing went unread", false};
  const auto unseen = [&](const Error& error) {
    return Check{check.name, false, "it cannot be looked at: " + error.to_string(), false};
  };
  const auto topics = admin.topics();
  // A log that is away lets each question wait.
  if (!topics) return unseen(topics.error());
  const auto groups = admin.groups();
  if (!groups) return unseen(groups.error());
  std::string found;
  const auto say = [&](const std::string& what) { found += (found.empty() ? "" : "; ") + what; };
  for (const auto& topic : *topics) {
    const auto& name = topic.spec.name;
    if (topic.passed_over > 0) {
      // It stays so until the log is opened anew: what is gone does not come back.
      check.ok = false;
      say(events_of(topic.passed_over, name) +
          " went unread since the start, as the topic came to log.retention.activity.hard_size:"
          " the log of meshd says whose");
    }
    if (topic.held == 0) continue;
    check.warning = true;
    std::string held = events_of(topic.held, name) + " are kept beyond log.retention";
    if (is_dead_letter_topic(name)) {
      held += ", the first of them not settled: `mesh dlq redrive " + name +
              "` or `mesh dlq purge " + name + "`";
    }
    for (const auto& group : *groups) {
      const auto reads = [&](const auto& at) { return at.first.topic == name; };
      // A group's count is over all of its topics: it is named where it reads this one.
      if (group.holds == 0 || std::ranges::none_of(group.committed, reads)) continue;
      held += "; group " + group.name + " has not processed them" +
              (group.active ? std::string()
                            : ": run the role pipelines, or let go with `mesh groups delete " +
                                  group.name + "`");
    }
    say(held);
  }
  if (!found.empty()) check.detail = std::move(found);
  return check;
}

std::optional<Check> tenants_retention_check(const LogAdmin& admin,
                                             const TenantDirectory& directory) {
  if (admin.erases_records()) return std::nullopt;
  const auto count = directory.with_retention();
  Check check{"tenants' retention", true, "no tenant's record has one", count > 0};
  if (count == 0) return check;
  check.detail =
      (count == 1 ? "1 tenant's record has a retention, which is"
                  : std::to_string(count) + " tenants' records have a retention, which is") +
      " not obeyed: this log takes no single record out. `mesh tenants list -o wide` shows whose; "
      "set log.retention.activity.age to the shortest of them, which holds for all tenants, or "
      "take "
      "it from the record (`mesh tenants update TENANT --retention none`)";
  return check;
}

void RetentionMetrics::collect(LogAdmin& admin) {
  const auto topics = admin.topics();
  if (!topics) return;  // shown as an error where it is asked for
  std::map<std::string, std::uint64_t> held, passed_over;
  for (const auto& topic : *topics) {
    // Entity topics are compacted and never expire.
    if (topic.spec.kind == TopicKind::entity) continue;
    const std::string name = label_of(topic.spec.name);
    held[name] += topic.held;
    passed_over[name] += topic.passed_over;
  }
  for (const auto& [name, count] : held) {
    metrics_
        .gauge("mesh_log_held_events",
               "Events beyond their retention that are kept: not processed by every group, or dead "
               "letters behind one that is not settled.",
               {{"topic", name}})
        .set(static_cast<double>(count));
    // The log tells sums since it was opened, and a counter takes what is added.
    auto& before = counted_[name];
    metrics_
        .counter("mesh_log_passed_over_events_total",
                 "Events that went unprocessed, or dead letters unsettled, since their topic came "
                 "to log.retention.activity.hard_size.",
                 {{"topic", name}})
        .add(static_cast<double>(passed_over[name] - before));
    before = passed_over[name];
  }
}

}  // namespace mesh::services
