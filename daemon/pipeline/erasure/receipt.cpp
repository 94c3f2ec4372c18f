#include "daemon/pipeline/erasure/receipt.h"

#include "common/base/time.h"

namespace mesh::pipeline {
namespace {

constexpr int kVersion = 1;

// What hardly holds more than ids, so that no count asks for it, of whatever engine.
constexpr struct {
  const char *place, *why;
} kUncounted[] = {
    {"store/tasks",
     "the operator's: what tasks were asked for, this one among them, and what came of them; they "
     "name ids"},
    {"store/tenant (numbers)",
     "the tenant's id, its highest user id and its version: so that none is given out twice"},
    {"store/usage_ids",
     "ids of counted events of use, so that none is counted twice: they go after 31 days"},
};

Json counted(const std::string& place, Json count) {
  return {{"place", place}, {"count", std::move(count)}};
}

Json remaining(const ErasureFacts& facts) {
  Json remains = Json::array();
  const auto add = [&](const std::string& place, Json count, const std::string& why) {
    Json entry = counted(place, std::move(count));
    entry["why"] = why;
    remains.push_back(std::move(entry));
  };
  for (const KeptPart& part : facts.left) {
    if (part.count > 0 && !part.remains.empty()) add(part.place, part.count, part.remains);
  }
  for (const std::string& group : facts.absent) {
    add("group/" + group, nullptr,
        "nobody read for the group while it was waited for: what it makes of events that it took "
        "before may come yet; count again once it runs");
  }
  for (const std::string& id : facts.rebuilds) {
    add("task/" + id, nullptr,
        "the rebuild of an index of events did not come on while it was waited for: what it read "
        "before may come yet; count again once it has ended");
  }
  for (const auto& [place, why] : kUncounted) add(place, nullptr, why);
  for (const KeptPart& part : facts.uncounted) add(part.place, nullptr, part.remains);
  return remains;
}

std::string backups_text(Timestamp ended) {
  return "not reached: copies made before " + format_rfc3339(ended) +
         " (folders of `mesh backup`, copies of data folders, dumps and snapshots of servers) keep "
         "the data until they are deleted; where one is restored, purge again";
}

}  // namespace

Json receipt_of(const ErasureFacts& facts, const Task& task, const std::string& mesh_version) {
  Json erased = Json::array(), again = Json::array();
  for (const auto& [place, count] : facts.erased) {
    if (count > 0) erased.push_back(counted(place, count));
  }
  for (const KeptPart& part : facts.left) {
    if (part.remains.empty()) again.push_back(counted(part.place, part.count));
  }
  return {{"version", kVersion},
          {"mesh_version", mesh_version},
          {"target", to_json(facts.target)},
          {"task", task.id},
          {"started_by", task.started_by},
          {"began", format_rfc3339(facts.began)},
          {"ended", format_rfc3339(facts.ended)},
          {"erased", std::move(erased)},
          {"remains", remaining(facts)},
          {"backups", backups_text(facts.ended)},
          {"counted_again", std::move(again)}};
}

}  // namespace mesh::pipeline
